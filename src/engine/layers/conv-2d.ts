import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { convolutionWindow } from '../../model/layers/conv-2d.ts';
import { activationName } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import type { Execution } from './execution.ts';

export const conv2d: Execution = ({ options, inputs: [x], weights }) => {
  const { strides, padding } = convolutionWindow(options);
  const product = tf.conv2d(x as Tensor4D, weights.kernel as Tensor4D, [...strides], padding as 'same' | 'valid');
  return activate(weights.bias ? tf.add(product, weights.bias) : product, activationName(options));
};
