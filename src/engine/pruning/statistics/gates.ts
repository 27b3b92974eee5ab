/** Loss gradients of gates on units. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { GateMoments } from '../../../pruning/criteria/index.ts';
import { type ChannelMap, gateTensor } from '../../../pruning/groups.ts';
import { scope } from '../../scope.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, forEachBatch, lossGradients, readAll } from './calibration.ts';

/**
 * Moments of each unit's gate gradient γ_n over samples n. A gate of ones, of its own for each sample, multiplies a producer's output after its
 * normalisation; of the mean loss over a batch of N it has the gradient γ_n/N. Gates of one unit (in a sum) add up before anything else.
 */
export function gateMoments(calibration: Calibration, map: ChannelMap): GateMoments {
  const { graph } = calibration;
  const gated = map.producers
    .filter(({ units }) => units.length > 0)
    .map(({ call, units }) => ({ tensor: gateTensor(graph, call), units }));
  const moments: GateMoments = {
    batchAbsolute: new Float64Array(map.unitCount),
    batchSquare: new Float64Array(map.unitCount),
    mean: new Float64Array(map.unitCount),
    sampleSquare: new Float64Array(map.unitCount),
  };
  let [batches, samples] = [0, 0];
  forEachBatch(calibration, (batch) => {
    const size = batch.x.shape[0]!;
    const gradients = scope(() => {
      const values = readAll(calibration);
      const gates = gated.map(({ units }) => tf.ones([size, units.length]));
      return lossGradients(calibration, values, batch, gates, (tensor, value) =>
        gated.reduce((made, gate, index) => (gate.tensor === tensor ? tf.mul(made, spread(gates[index]!, made)) : made), value),
      ).map((gradient) => gradient.dataSync<'float32'>());
    });
    const means = new Float64Array(map.unitCount);
    const own = new Float64Array(map.unitCount);
    for (let sample = 0; sample < size; sample++) {
      own.fill(0);
      for (const [index, { units }] of gated.entries()) {
        for (const [at, unit] of units.entries()) own[unit]! += gradients[index]![sample * units.length + at]! * size;
      }
      for (const [unit, gamma] of own.entries()) {
        means[unit]! += gamma / size;
        moments.mean[unit]! += gamma;
        moments.sampleSquare[unit]! += gamma * gamma;
      }
    }
    for (const [unit, mean] of means.entries()) {
      moments.batchAbsolute[unit]! += Math.abs(mean);
      moments.batchSquare[unit]! += mean * mean;
    }
    batches++;
    samples += size;
  });
  const over = (sums: Float64Array, count: number): Float64Array => sums.map((sum) => sum / count);
  return {
    batchAbsolute: over(moments.batchAbsolute, batches),
    batchSquare: over(moments.batchSquare, batches),
    mean: over(moments.mean, samples),
    sampleSquare: over(moments.sampleSquare, samples),
  };
}

/** Gates [n, units] beside a value [n, ..., units]. */
function spread(gates: Tensor, value: Tensor): Tensor {
  const places = Array.from({ length: value.rank - 2 }, () => 1);
  return tf.reshape(gates, [gates.shape[0]!, ...places, gates.shape[1]!]);
}
