import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { poolingWindow } from '../../model/layers/pooling.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const maxPooling2d: Execution = ({ options, inputs: [x] }) => {
  const { size, strides, padding } = poolingWindow(options, 2);
  return tf.maxPool(x as Tensor4D, size as [number, number], strides as [number, number], padding as 'same' | 'valid');
};
