/** The metrics by name, which of them can be measured, and all of them at once. */
import type { LossName, MetricName, Monitored } from '../../jobs/spec/index.ts';
import type { Measurement } from '../intervals.ts';
import { accuracy } from './accuracy.ts';
import { auc } from './auc.ts';
import { f1 } from './f1.ts';
import { meanAbsoluteError } from './mean-absolute-error.ts';
import type { Meter, Metric } from './metric.ts';
import { r2 } from './r2.ts';
import { rootMeanSquaredError } from './root-mean-squared-error.ts';
import type { Sample } from './sample.ts';
import { type Task, taskOf } from './task.ts';
import { topKAccuracy } from './top-k-accuracy.ts';

export { denseTargets, fractionRight, type Sample, sampleReader } from './sample.ts';
export { type Numbers, type Task, taskOf } from './task.ts';

const METRICS: Record<MetricName, Metric> = {
  accuracy,
  top_k_accuracy: topKAccuracy,
  auc,
  f1,
  mean_absolute_error: meanAbsoluteError,
  root_mean_squared_error: rootMeanSquaredError,
  r2,
};

/** What says whether a metric can be measured. */
export interface MeasuredOutputs {
  loss: LossName;
  /** The shape of one sample's output, without the batch axis; null for a free axis. */
  outputs: readonly (number | null)[];
  /** Of the data set's y; null where it is numbers. */
  classes: number | null;
  top_k: number;
  /** Of the largest split that is measured. */
  samples: number;
}

/** Why a metric cannot be measured, as a sentence; null where it can. */
export function metricFault(name: MetricName, { loss, outputs, classes, top_k, samples }: MeasuredOutputs): string | null {
  const perSample = outputs.reduce<number>((product, axis) => product * (axis ?? 1), 1);
  const fault = METRICS[name].fault({ task: taskOf(loss, outputs, classes), top_k, outputs: samples * perSample });
  return fault === null ? null : `${name} ${fault}.`;
}

/** The metrics that can be measured. */
export function metricsFor(facts: MeasuredOutputs): MetricName[] {
  return (Object.keys(METRICS) as MetricName[]).filter((name) => metricFault(name, facts) === null);
}

/** The metrics that are asked for; `auto` is accuracy for classes, and mean absolute error, root mean squared error and R² for numbers. */
export function resolveMetrics(asked: 'auto' | readonly MetricName[], facts: MeasuredOutputs): MetricName[] {
  if (asked !== 'auto') return [...asked];
  const possible = metricsFor(facts);
  const usual: MetricName[] = possible.includes('accuracy') ? ['accuracy'] : ['mean_absolute_error', 'root_mean_squared_error', 'r2'];
  return usual.filter((name) => possible.includes(name));
}

/** Why early stopping or the best checkpoint cannot go by what is monitored, as a sentence; null where it can. */
export function monitorFault(monitored: Monitored, measured: readonly MetricName[], selectionSamples: number): string | null {
  if (monitored === 'loss') return null;
  if (selectionSamples === 0) {
    return `${monitored} is measured on the selection split, which the data set does not have; loss is measured without one.`;
  }
  const name = monitored.slice('val_'.length);
  if (name === 'loss' || measured.some((metric) => metric === name)) return null;
  return `${monitored} is not measured: metrics has ${measured.length === 0 ? 'none' : measured.join(', ')}.`;
}

/** By metric; null where the samples leave it undefined. */
export type Measurements = Partial<Record<MetricName, Measurement | null>>;

/** Of the metrics without a value, each name and what leaves it without one, as the end of a sentence. */
export function undefinedMetrics(measured: Measurements): string[] {
  const names = (Object.keys(measured) as MetricName[]).filter((name) => measured[name] === null);
  return names.map((name) => `${name}. ${METRICS[name].undefinedWhere}`);
}

/** Meters of several metrics, fed together with each of `samples` once. */
export function metersOf(names: readonly MetricName[], task: Task, samples: number, topK: number) {
  const meters = names.map((name): [MetricName, Meter] => [name, METRICS[name].meter(task, samples, topK)]);
  return {
    add(sample: Sample): void {
      for (const [, meter] of meters) meter.add(sample);
    },
    measurements: (): Measurements => Object.fromEntries(meters.map(([name, meter]) => [name, meter.measurement()])),
  };
}
