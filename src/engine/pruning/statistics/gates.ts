/** Loss gradients of gates on units. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { TensorId } from '../../../model/graph.ts';
import type { ResidualBlock } from '../../../pruning/blocks.ts';
import type { GateMoments } from '../../../pruning/criteria/index.ts';
import { type ChannelMap, gateTensor } from '../../../pruning/groups.ts';
import type { Batch } from '../../batch.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, lossGradients, overBatches } from './calibration.ts';

/**
 * Moments of each unit's gate gradient γ_n over samples n. A gate of ones, of its own for each sample, multiplies a producer's output after its
 * normalisation; of the mean loss over a batch of N it has the gradient γ_n/N. Gates of one unit (in a sum) add up before anything else.
 */
export function gateMoments(calibration: Calibration, map: ChannelMap): GateMoments {
  const gated = map.producers
    .filter(({ units }) => units.length > 0)
    .map(({ call, units }) => ({ tensor: gateTensor(calibration.graph, call), units }));
  return momentsOf(
    calibration,
    map.unitCount,
    gated,
    (gates) => (tensor, value) =>
      gated.reduce((made, gate, index) => (gate.tensor === tensor ? tf.mul(made, spread(gates[index]!, made)) : made), value),
  );
}

/**
 * Moments of the gate gradients of residual blocks, by their place in the list. A block's gate multiplies what its branch adds to the shortcut: at 0 the
 * block is gone.
 */
export function blockGateMoments(calibration: Calibration, blocks: readonly ResidualBlock[]): GateMoments {
  const inputs = new Set(calibration.graph.inputs.map(({ tensor }) => tensor));
  const shortcuts = blocks.map(({ sum, shortcut }) => sum.inputs[shortcut]!);
  const gated = blocks.map((_, index) => ({ units: [index] }));
  return momentsOf(calibration, blocks.length, gated, (gates, { x }) => {
    const seen = new Map<TensorId, Tensor>(shortcuts.filter((tensor) => inputs.has(tensor)).map((tensor) => [tensor, x]));
    return (tensor, value) => {
      const index = blocks.findIndex(({ sum }) => sum.output === tensor);
      let made = value;
      if (index !== -1) {
        const shortcut = seen.get(shortcuts[index]!)!;
        made = tf.add(shortcut, tf.mul(tf.sub(value, shortcut), spread(gates[index]!, value)));
      }
      if (shortcuts.includes(tensor)) seen.set(tensor, made);
      return made;
    };
  });
}

/** Moments of gates [n, units] that `tapOf` puts into the forward pass of a batch of n. */
function momentsOf(
  calibration: Calibration,
  unitCount: number,
  gated: readonly { units: ArrayLike<number> }[],
  tapOf: (gates: readonly Tensor[], batch: Batch) => (tensor: TensorId, value: Tensor) => Tensor,
): GateMoments {
  const moments: GateMoments = {
    batchAbsolute: new Float64Array(unitCount),
    batchSquare: new Float64Array(unitCount),
    mean: new Float64Array(unitCount),
    sampleSquare: new Float64Array(unitCount),
  };
  let [batches, samples] = [0, 0];
  overBatches(
    calibration,
    (weights, batch) => {
      const gates = gated.map(({ units }) => tf.ones([batch.x.shape[0]!, units.length]));
      return lossGradients(calibration, weights, batch, gates, tapOf(gates, batch));
    },
    (made, size) => {
      const gradients = made.map((gradient) => gradient.dataSync<'float32'>());
      const means = new Float64Array(unitCount);
      const own = new Float64Array(unitCount);
      for (let sample = 0; sample < size; sample++) {
        own.fill(0);
        for (const [index, { units }] of gated.entries()) {
          for (let at = 0; at < units.length; at++) own[units[at]!]! += gradients[index]![sample * units.length + at]! * size;
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
    },
  );
  const over = (sums: Float64Array, count: number): Float64Array => sums.map((sum) => sum / count);
  return {
    batchAbsolute: over(moments.batchAbsolute, batches),
    batchSquare: over(moments.batchSquare, batches),
    mean: over(moments.mean, samples),
    sampleSquare: over(moments.sampleSquare, samples),
  };
}

/** Gates [n, units] beside a value [n, ..., units], or [n, 1] beside any. */
function spread(gates: Tensor, value: Tensor): Tensor {
  const places = Array.from({ length: value.rank - 2 }, () => 1);
  return tf.reshape(gates, [gates.shape[0]!, ...places, gates.shape[1]!]);
}
