/** Gradient statistics that pruning criteria ask for, over seeded batches of the training split. Normalisation keeps its running statistics. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Dataset } from '../dataset/batches.ts';
import { epochOrder } from '../dataset/batches.ts';
import type { Graph } from '../model/graph.ts';
import type { GateStatistic, WeightStatistic } from '../pruning/criteria/index.ts';
import { type ChannelMap, gateTensor } from '../pruning/groups.ts';
import { type Batch, makeBatch } from './batch.ts';
import { type Loss, meanLoss } from './losses.ts';
import { forward } from './network.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import type { Variables } from './variables.ts';

export interface Calibration {
  graph: Graph;
  weights: Variables;
  loss: Loss;
  data: Dataset;
  seed: number;
  batches: number;
  batchSize: number;
  /** Called before each batch; throws where the job is cancelled. */
  cancelled: () => void;
}

/** The statistic of each weight in `keys`, float32, in the weight's order. */
export function weightStatistics(calibration: Calibration, keys: readonly string[], statistic: WeightStatistic): Map<string, Float32Array> {
  let sums: Tensor[] | null = null;
  let count = 0;
  forEachBatch(calibration, (batch) => {
    const next = scope(() => {
      const values = readAll(calibration);
      const gradients = gradientsOf(
        calibration,
        values,
        batch,
        keys.map((key) => values.get(key)!),
      );
      // The absolute value or the square comes before the mean over batches: signs must not cancel.
      const terms = gradients.map((gradient) => (statistic === 'mean_abs_gradient' ? tf.abs(gradient) : tf.square(gradient)));
      return terms.map((term, index) => (sums ? tf.add(sums[index]!, term) : term));
    });
    if (sums) tf.dispose(sums);
    sums = next;
    count++;
  });
  const totals = (sums ?? []) as Tensor[];
  const result = new Map(keys.map((key, index) => [key, totals[index]!.dataSync<'float32'>().map((sum) => sum / count)]));
  tf.dispose(totals);
  return result;
}

/**
 * The statistic of each unit's gate γ, by unit number. A gate of ones multiplies a producer's output after its normalisation; with the loss a mean over
 * the batch, its gradient is the mean of γ_n over the samples. Gates of one unit (in a sum) add up before the absolute value or the square.
 */
export function gateStatistics(calibration: Calibration, map: ChannelMap, statistic: GateStatistic): Float64Array {
  const { graph } = calibration;
  const gated = map.producers
    .filter(({ units }) => units.length > 0)
    .map(({ call, units }) => ({ tensor: gateTensor(graph, call), units }));
  const totals = new Float64Array(map.unitCount);
  let count = 0;
  forEachBatch(calibration, (batch) => {
    const gradients = scope(() => {
      const values = readAll(calibration);
      const gates = gated.map(({ units }) => tf.ones([units.length]));
      return gradientsOf(calibration, values, batch, gates, (tensor, value) =>
        gated.reduce((gatedValue, gate, index) => (gate.tensor === tensor ? tf.mul(gatedValue, gates[index]!) : gatedValue), value),
      ).map((gradient) => gradient.dataSync<'float32'>());
    });
    const means = new Float64Array(map.unitCount);
    for (const [index, { units }] of gated.entries()) {
      for (const [at, unit] of units.entries()) means[unit]! += gradients[index]![at]!;
    }
    for (const [unit, mean] of means.entries()) totals[unit]! += statistic === 'mean_abs_gate' ? Math.abs(mean) : mean * mean;
    count++;
  });
  return totals.map((total) => total / count);
}

function readAll({ weights }: Calibration): Map<string, Tensor> {
  return new Map(weights.keys().map((key) => [key, weights.read(key)]));
}

function gradientsOf(
  { graph, loss }: Calibration,
  values: ReadonlyMap<string, Tensor>,
  batch: Batch,
  wanted: Tensor[],
  tap?: (tensor: number, value: Tensor) => Tensor,
): Tensor[] {
  const { grads } = tf.engine().gradients(() => {
    const [output] = forward(graph, (key) => values.get(key)!, [batch.x], {
      training: false,
      logits: loss.onLogits,
      ...(tap ? { tap } : {}),
    });
    return meanLoss(loss, output!, batch.y, null) as Scalar;
  }, wanted);
  return grads.map((gradient, index) => gradient ?? tf.zerosLike(wanted[index]!));
}

function forEachBatch(calibration: Calibration, work: (batch: Batch) => void): void {
  const { data, seed, batches, batchSize, graph, cancelled } = calibration;
  const size = data.split('train').size;
  // A stream of its own: training's first batches are others.
  const order = epochOrder(seed, -1, size);
  for (let index = 0; index < batches && index * batchSize < size; index++) {
    cancelled();
    const batch = makeBatch(data, graph, 'train', order.subarray(index * batchSize, (index + 1) * batchSize));
    work(batch);
    tf.dispose([batch.x, batch.y]);
  }
}
