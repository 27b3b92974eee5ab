import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { convolutionWindow } from '../../model/layers/conv-2d.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';

export const conv2d: Execution = (invocation) => {
  const { options, inputs, weights } = invocation;
  const { strides, padding } = convolutionWindow(options);
  const product = tf.conv2d(inputs[0] as Tensor4D, weights.kernel as Tensor4D, [...strides], padding as 'same' | 'valid');
  return finish(product, invocation);
};
