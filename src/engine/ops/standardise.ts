import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** (x - mean) / √(variance + ε) over the axes; with y the result, dx = (dy - mean(dy) - y·mean(dy·y)) / √(variance + ε). */
export function standardise(x: Tensor, axes: number[], epsilon: number): Tensor {
  return differentiable(
    [x],
    () => {
      const centred = tf.sub(x, tf.mean(x, axes, true));
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilon));
      const value = tf.mul(centred, inverse);
      return { value, saved: [value, inverse] };
    },
    (dy, [y, inverse]) => {
      const rest = tf.sub(tf.sub(dy, tf.mean(dy, axes, true)), tf.mul(y!, tf.mean(tf.mul(dy, y!), axes, true)));
      return [tf.mul(rest, inverse!)];
    },
  );
}

/** x / √(mean(x²) + ε) over the axes; with y the result, dx = (dy - y·mean(dy·y)) / √(mean(x²) + ε). */
export function divideByRootMeanSquare(x: Tensor, axes: number[], epsilon: number): Tensor {
  return differentiable(
    [x],
    () => {
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), axes, true), epsilon));
      const value = tf.mul(x, inverse);
      return { value, saved: [value, inverse] };
    },
    (dy, [y, inverse]) => [tf.mul(tf.sub(dy, tf.mul(y!, tf.mean(tf.mul(dy, y!), axes, true))), inverse!)],
  );
}

/** x / max(‖x‖, 1e-12) over the axes; with y the result, dx = (dy - y·Σ(dy·y)) / ‖x‖. */
export function divideByLength(x: Tensor, axes: number[]): Tensor {
  return differentiable(
    [x],
    () => {
      const inverse = tf.minimum(tf.rsqrt(tf.sum(tf.square(x), axes, true)), 1e12);
      const value = tf.mul(x, inverse);
      return { value, saved: [value, inverse] };
    },
    (dy, [y, inverse]) => [tf.mul(tf.sub(dy, tf.mul(y!, tf.sum(tf.mul(dy, y!), axes, true))), inverse!)],
  );
}
