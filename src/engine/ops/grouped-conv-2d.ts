import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { depthwiseConv2d } from './depthwise-conv-2d.ts';

/**
 * A convolution of x [n, h, w, in] whose g-th group of filters sees the g-th group of channels; kernel [height, width, in / groups, out]. With a channel a
 * group it is a depthwise convolution; else a convolution a group, since TensorFlow has no gradient of a grouped one on a CPU.
 */
export function groupedConv2d(
  x: Tensor,
  kernel: Tensor,
  strides: readonly [number, number],
  padding: 'same' | 'valid',
  groups: number,
): Tensor {
  const [height, width, channels, filters] = kernel.shape as [number, number, number, number];
  if (channels === 1 && strides[0] === strides[1]) {
    return depthwiseConv2d(x, tf.reshape(kernel, [height, width, groups, filters / groups]), strides[0], padding);
  }
  const kernels = tf.split(kernel, groups, 3);
  const made = tf.split(x, groups, 3).map((part, group) => tf.conv2d(part as Tensor4D, kernels[group] as Tensor4D, [...strides], padding));
  return tf.concat(made, 3);
}
