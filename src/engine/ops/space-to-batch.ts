import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

/**
 * A dilated convolution by one that is not: every dilation-th place of x [n, ...places, channels] goes to a batch of its own, and the results are woven
 * together again. TensorFlow has the gradients of no dilated convolution on a CPU. `convolve` must be `valid` and without strides.
 */
export function dilated(
  x: Tensor,
  kernel: readonly number[],
  dilation: readonly number[],
  padding: 'same' | 'valid',
  convolve: (x: Tensor) => Tensor,
): Tensor {
  const sides = kernel.map((size, axis) => {
    const border = padding === 'same' ? (size - 1) * dilation[axis]! : 0;
    const before = Math.floor(border / 2);
    const rate = dilation[axis]!;
    const beyond = (rate - ((x.shape[axis + 1]! + border) % rate)) % rate;
    return { before, after: border - before + beyond, beyond };
  });
  const apart = tf.spaceToBatchND(
    x,
    [...dilation],
    sides.map(({ before, after }) => [before, after]),
  );
  return tf.batchToSpaceND(
    convolve(apart),
    [...dilation],
    sides.map(({ beyond }) => [0, beyond]),
  );
}
