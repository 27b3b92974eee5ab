import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** The largest or smallest over axes, which stay as axes of 1. Places that share it share its gradient, which tfjs would give each of them in full. */
export function extremum(x: Tensor, axes: readonly number[], kind: 'max' | 'min'): Tensor {
  return differentiable(
    [x],
    () => {
      const value = tf[kind](x, [...axes], true);
      return { value, saved: [x, value] };
    },
    (dy, [from, value]) => {
      const shares = tf.cast(tf.equal(from!, value!), 'float32');
      return [tf.mul(shares, tf.div(dy, tf.sum(shares, [...axes], true)))];
    },
  );
}
