import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
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

/** Places that share the largest value share its gradient, which tfjs would give each of them in full. */
export const globalMaxPooling2d: Execution = ({ inputs: [x] }) => {
  const pool = tf.customGrad((...inputs) => {
    const [input, save] = inputs as unknown as [Tensor, (tensors: Tensor[]) => void];
    const value = tf.max(input, [1, 2], true);
    save([input, value]);
    return {
      value: tf.squeeze(value, [1, 2]),
      gradFunc: (dy, saved) => {
        const [from, largest] = saved as [Tensor, Tensor];
        const shares = tf.cast(tf.equal(from, largest), 'float32');
        return tf.mul(tf.div(shares, tf.sum(shares, [1, 2], true)), tf.expandDims(tf.expandDims(dy as Tensor, 1), 1));
      },
    };
  });
  return pool(x!);
};
