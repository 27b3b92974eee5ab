import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

// The gradients of tfjs' own take a list, and are given no list where there is one part.

/** The equal parts of a tensor along an axis, of which there may be one. */
export function split(x: Tensor, count: number, axis: number): Tensor[] {
  return count === 1 ? [x] : tf.split(x, count, axis);
}

/** The slices of a tensor along an axis, without that axis; there may be one. */
export function unstack(x: Tensor, axis: number): Tensor[] {
  return x.shape[axis] === 1 ? [tf.squeeze(x, [axis])] : tf.unstack(x, axis);
}
