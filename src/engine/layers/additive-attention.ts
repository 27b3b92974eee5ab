import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { attended, pairs } from './attention.ts';
import type { Execution } from './execution.ts';

export const additiveAttention: Execution = (invocation) => {
  const { inputs, weights } = invocation;
  const [query, value, key = value] = inputs as [Tensor, Tensor, Tensor?];
  const terms = tf.tanh(pairs(query, key));
  return attended(tf.sum(weights.scale ? tf.mul(terms, weights.scale) : terms, -1), invocation);
};
