import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** x [n, ...places, channels] with each place `factors[axis]` times in a row along each spatial axis. */
export function repeatPlaces(x: Tensor, factors: readonly number[]): Tensor {
  const [batch, ...rest] = x.shape as [number, ...number[]];
  const channels = rest.pop()!;
  // The batch and the first axis are one, since TensorFlow tiles seven axes at most.
  const apart = rest.flatMap((length, axis) => (axis === 0 ? [batch * length, 1] : [length, 1]));
  const times = factors.flatMap((factor) => [1, factor]);
  const added = factors.map((_factor, axis) => 2 * axis + 1);
  const shape = [batch, ...rest.map((length, axis) => length * factors[axis]!), channels];
  const tiled = apart.map((length, axis) => length * times[axis]!);
  return differentiable(
    [x],
    () => ({ value: tf.reshape(tf.tile(tf.reshape(x, [...apart, channels]), [...times, 1]), shape), saved: [] }),
    (dy) => [tf.reshape(tf.sum(tf.reshape(dy, [...tiled, channels]), added), x.shape)],
  );
}
