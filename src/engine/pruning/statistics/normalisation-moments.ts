/** The moments that batch normalisations see, over all calibration samples together. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Weights } from '../../../model/document.ts';
import { type Call, weightKey } from '../../../model/graph.ts';
import { normalisedAxis } from '../../../model/layers/batch-normalization.ts';
import { maskedMoments } from '../../layers/batch-normalization.ts';
import { givenTo, placesOf, runCall } from '../../network.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, overBatches } from './calibration.ts';

interface Running {
  count: number;
  mean: Float64Array;
  /** Sum of squared differences from the mean. */
  squares: Float64Array;
}

/**
 * New moving means and variances, by weight key, of every batch normalisation that is trained: one pass over the calibration batches, in which these
 * normalise by each batch's own moments, as in training, and nothing is dropped. Moments of batches and calls are merged as Chan 1979 does, in float64.
 */
export function normalisationMoments(calibration: Calibration): Weights {
  const { graph } = calibration;
  const running = new Map<string, Running>();
  const estimated = graph.calls.filter(isEstimated);
  overBatches(
    calibration,
    (weights, batch) => {
      const values: Tensor[] = [];
      const moments: Tensor[] = [];
      for (const { tensor } of graph.inputs) values[tensor] = batch.x;
      for (const call of graph.calls) {
        const given = givenTo(call, values);
        const own = new Map<string, Tensor>();
        if (isEstimated(call)) {
          const { mean, variance, count } = momentsOf(call, given.inputs[0]!, given.masks[0] ?? null);
          moments.push(mean, variance, count);
          own.set(weightKey(call.layer, 'moving_mean'), mean);
          own.set(weightKey(call.layer, 'moving_variance'), variance);
        }
        const outputs = runCall(call, (key) => own.get(key) ?? weights.get(key)!, given, { training: false });
        for (const [at, place] of placesOf(call).entries()) values[place] = outputs[at]!;
      }
      return moments;
    },
    (moments) => {
      for (const [index, { layer }] of estimated.entries()) {
        const [mean, variance, count] = moments.slice(3 * index, 3 * index + 3).map((moment) => moment.dataSync<'float32'>());
        running.set(layer.name, merged(running.get(layer.name), Math.max(1, count![0]!), mean!, variance!));
      }
    },
  );
  const moved: Weights = new Map();
  for (const layer of graph.layers) {
    const found = running.get(layer.name);
    if (!found) continue;
    const { count, mean, squares } = found;
    const shape = [mean.length];
    moved.set(weightKey(layer, 'moving_mean'), { shape, data: Float32Array.from(mean) });
    moved.set(weightKey(layer, 'moving_variance'), { shape, data: Float32Array.from(squares, (sum) => sum / count) });
  }
  return moved;
}

function isEstimated({ layer }: Call): boolean {
  return layer.className === 'BatchNormalization' && layer.trainable;
}

/** `count` holds one number: of the numbers of a channel, those that a mask leaves out not among them. */
function momentsOf({ layer }: Call, x: Tensor, mask: Tensor | null): { mean: Tensor; variance: Tensor; count: Tensor } {
  if (mask) return { ...maskedMoments(x, mask), count: tf.sum(tf.cast(mask, 'float32')) };
  const axis = normalisedAxis(layer.options, x.shape.slice(1)) + 1;
  const others = [...x.shape.keys()].filter((other) => other !== axis);
  const { mean, variance } = tf.moments(x, others);
  return { mean, variance, count: tf.fill([1], x.size / x.shape[axis]!) };
}

function merged(before: Running | undefined, count: number, mean: Float32Array, variance: Float32Array): Running {
  const all = before ?? { count: 0, mean: new Float64Array(mean.length), squares: new Float64Array(mean.length) };
  const total = all.count + count;
  return {
    count: total,
    mean: all.mean.map((value, channel) => value + ((mean[channel]! - value) * count) / total),
    squares: all.squares.map((sum, channel) => {
      const difference = mean[channel]! - all.mean[channel]!;
      return sum + variance[channel]! * count + (difference * difference * all.count * count) / total;
    }),
  };
}
