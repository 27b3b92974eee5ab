import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { number } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import { dropoutMask } from './dropout-mask.ts';
import type { Invocation } from './execution.ts';

/** Low enough that nothing of a masked score is left behind the softmax. */
const MASKED = -1e9;

/** Softmax of scores [..., query steps, key steps] over the keys; with `use_causal_mask` none later than the query's step; with dropout in training. */
export function attentionWeights(scores: Tensor, { options, callOptions, training, seed }: Invocation): Tensor {
  const [queries, keys] = scores.shape.slice(-2) as [number, number];
  const masked = callOptions.use_causal_mask === true ? tf.add(scores, causalMask(queries, keys)) : scores;
  const weights = tf.softmax(masked);
  const rate = training ? number(options, 'dropout', 0) : 0;
  return rate === 0 ? weights : tf.mul(weights, dropoutMask(weights.shape, rate, seed()));
}

function causalMask(queries: number, keys: number): Tensor {
  const values = Float32Array.from({ length: queries * keys }, (_none, index) => (index % keys > Math.floor(index / keys) ? MASKED : 0));
  return tf.tensor2d(values, [queries, keys]);
}
