import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { allOf, attentionWeights, causalMask } from './attention-weights.ts';
import type { Execution, Invocation } from './execution.ts';

export const attention: Execution = (invocation) => {
  const { options, inputs, weights } = invocation;
  const [query, value, key = value] = inputs as [Tensor, Tensor, Tensor?];
  const scaled = (scores: Tensor): Tensor => (weights.scale ? tf.mul(scores, weights.scale) : scores);
  const scores =
    options.score_mode === 'concat'
      ? tf.mul(tf.sum(tf.tanh(scaled(pairs(query, key))), -1), weights.concat_score_weight!)
      : scaled(tf.matMul(query, key, false, true));
  return attended(scores, invocation);
};

/** query + key of every pair of steps: [batch, query steps, key steps, channels]. */
export function pairs(query: Tensor, key: Tensor): Tensor {
  return tf.add(tf.expandDims(query, 2), tf.expandDims(key, 1));
}

/** The values by scores [batch, query steps, key steps]: only of steps that the value's mask lets count, and 0 where the query's does not. */
export function attended(scores: Tensor, invocation: Invocation): Tensor | Tensor[] {
  const { inputs, masks, callOptions } = invocation;
  const [queryMask, valueMask] = masks;
  const [, queries, keys] = scores.shape as [number, number, number];
  const mask = allOf(
    valueMask ? tf.expandDims(valueMask, 1) : null,
    callOptions.use_causal_mask === true ? causalMask(queries, keys) : null,
  );
  const { dropped } = attentionWeights(scores, mask, 'lowered', invocation);
  const values = tf.matMul(dropped, inputs[1]!);
  const output = queryMask ? tf.mul(values, tf.cast(tf.expandDims(queryMask, 2), 'float32')) : values;
  // Keras answers the scores as dropout leaves them.
  return callOptions.return_attention_scores === true ? [output, dropped] : output;
}
