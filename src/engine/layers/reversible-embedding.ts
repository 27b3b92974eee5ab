import { number } from '../../model/layers/options.ts';
import { isReversed } from '../../model/layers/reversible-embedding.ts';
import { matMul } from '../ops/mat-mul.ts';
import { tf } from '../tensorflow.ts';
import { embedding } from './embedding.ts';
import type { Execution } from './execution.ts';

export const reversibleEmbedding: Execution = (invocation) => {
  const { options, inputs, weights, callOptions } = invocation;
  if (!isReversed(callOptions)) return embedding(invocation);
  const kernel = weights.reverse_embeddings ?? tf.transpose(weights.embeddings!);
  const [width, classes] = kernel.shape as [number, number];
  const x = inputs[0]!;
  const logits = tf.reshape(matMul(tf.reshape(x, [-1, width]), kernel), [...x.shape.slice(0, -1), classes]);
  const cap = number(options, 'logit_soft_cap', 0);
  return cap === 0 ? logits : tf.mul(tf.tanh(tf.div(logits, cap)), cap);
};
