/** Metrics of given outputs and targets, one row a sample. */
import type { LossName, MetricName } from '../../src/jobs/spec/index.ts';
import { type Measurements, metersOf, sampleReader, taskOf } from '../../src/report/metrics/index.ts';

export interface Scored {
  loss: LossName;
  /** [samples, ...]. */
  outputs: readonly ArrayLike<number>[];
  /** Class numbers where y has classes, or rows. */
  targets: readonly ArrayLike<number>[];
  /** Of one sample's output; a single axis unless said otherwise. */
  shape?: readonly number[];
  classes?: number | null;
  k?: number;
}

export function measured(names: readonly MetricName[], given: Scored): Measurements {
  const { loss, outputs, targets, shape = [outputs[0]!.length], classes = null, k = 5 } = given;
  const task = taskOf(loss, shape, classes);
  const sampleOf = sampleReader(task);
  const meters = metersOf(names, task, outputs.length, k);
  for (const [index, output] of outputs.entries())
    meters.add(sampleOf(index, Float32Array.from(output), Float32Array.from(targets[index]!)));
  return meters.measurements();
}

/** The value of one metric. */
export function metricOf(name: MetricName, given: Scored): number | null {
  return measured([name], given)[name]?.value ?? null;
}
