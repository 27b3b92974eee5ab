import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { attentionWeights } from './attention-weights.ts';
import type { Execution } from './execution.ts';

export const attention: Execution = (invocation) => {
  const { options, inputs, weights } = invocation;
  const [query, value, key = value] = inputs as [Tensor, Tensor, Tensor?];
  const scaled = (scores: Tensor): Tensor => (weights.scale ? tf.mul(scores, weights.scale) : scores);
  const scores =
    options.score_mode === 'concat'
      ? tf.mul(tf.sum(tf.tanh(scaled(pairs(query, key))), -1), weights.concat_score_weight!)
      : scaled(tf.matMul(query, key, false, true));
  return tf.matMul(attentionWeights(scores, invocation), value);
};

/** query + key of every pair of steps: [batch, query steps, key steps, channels]. */
export function pairs(query: Tensor, key: Tensor): Tensor {
  return tf.add(tf.expandDims(query, 2), tf.expandDims(key, 1));
}
