import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { activationName } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import type { Execution } from './execution.ts';

/** Acts on the last axis, whatever the rank. */
export const dense: Execution = ({ options, inputs: [x], weights }) => {
  const kernel = weights.kernel as Tensor2D;
  const flat = x!.rank === 2 ? x! : tf.reshape(x!, [-1, kernel.shape[0]]);
  const product = tf.matMul(flat as Tensor2D, kernel);
  const biased = weights.bias ? tf.add(product, weights.bias) : product;
  const y = x!.rank === 2 ? biased : tf.reshape(biased, [...x!.shape.slice(0, -1), kernel.shape[1]]);
  return activate(y, activationName(options));
};
