import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { poolingWindow } from '../../model/layers/pooling-2d.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const maxPooling2d: Execution = ({ options, inputs: [x] }) => {
  const { size, strides, padding } = poolingWindow(options);
  return tf.maxPool(x as Tensor4D, [...size], [...strides], padding as 'same' | 'valid');
};

export const averagePooling2d: Execution = ({ options, inputs: [x] }) => {
  const { size, strides, padding } = poolingWindow(options);
  return tf.avgPool(x as Tensor4D, [...size], [...strides], padding as 'same' | 'valid');
};

export const globalAveragePooling2d: Execution = ({ inputs: [x] }) => tf.mean(x!, [1, 2]);

export const globalMaxPooling2d: Execution = ({ inputs: [x] }) => tf.max(x!, [1, 2]);
