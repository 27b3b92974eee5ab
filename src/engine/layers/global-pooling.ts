import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag } from '../../model/layers/options.ts';
import { broadcastTo } from '../ops/broadcast-to.ts';
import { differentiable } from '../ops/differentiable.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** All axes but the batch's and the channels'. */
const placesOf = (x: Tensor): number[] => x.shape.slice(1, -1).map((_length, axis) => axis + 1);

/** The mean over all places. */
export const globalAverage: Execution = ({ options, inputs: [x], masks }) => {
  const places = placesOf(x!);
  const mask = masks[0] ?? null;
  if (mask !== null) {
    const counts = tf.expandDims(tf.cast(mask, 'float32'), -1);
    const kept = tf.where(broadcastTo(counts, x!.shape).cast('bool'), x!, tf.zerosLike(x!));
    const keepdims = flag(options, 'keepdims', false);
    return tf.div(tf.sum(kept, places, keepdims), tf.sum(counts, places, keepdims));
  }
  const { shape } = x!;
  const count = places.reduce((product, axis) => product * shape[axis]!, 1);
  const average = differentiable(
    [x!],
    () => ({ value: tf.mean(x!, places, true), saved: [] }),
    (dy) => [broadcastTo(tf.mul(dy, 1 / count), shape)],
  );
  return flag(options, 'keepdims', false) ? average : tf.squeeze(average, places);
};

/** The largest over all places. Places that share it share its gradient, which tfjs would give each of them in full. */
export const globalMax: Execution = ({ options, inputs: [x] }) => {
  const places = placesOf(x!);
  const largest = differentiable(
    [x!],
    () => {
      const value = tf.max(x!, places, true);
      return { value, saved: [x!, value] };
    },
    (dy, [from, value]) => {
      const shares = tf.cast(tf.equal(from!, value!), 'float32');
      return [tf.mul(shares, tf.div(dy, tf.sum(shares, places, true)))];
    },
  );
  return flag(options, 'keepdims', false) ? largest : tf.squeeze(largest, places);
};
