import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { convolutionWindow } from '../../model/layers/conv-2d.ts';
import { groupsOf } from '../../model/layers/convolution.ts';
import { tf } from '../tensorflow.ts';
import { convolution } from './convolution.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';

const general = convolution(2);

/** Conv2D: the plain one by one operation, with groups or dilation by several. */
export const conv2d: Execution = (invocation) => {
  const { options, inputs, weights } = invocation;
  const { strides, padding, dilation } = convolutionWindow(options);
  if (groupsOf(options) > 1 || dilation.some((rate) => rate > 1)) return general(invocation);
  const product = tf.conv2d(inputs[0] as Tensor4D, weights.kernel as Tensor4D, [...strides], padding as 'same' | 'valid');
  return finish(product, invocation);
};
