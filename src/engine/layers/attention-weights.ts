import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { number } from '../../model/layers/options.ts';
import { broadcastTo } from '../ops/broadcast-to.ts';
import { tf } from '../tensorflow.ts';
import { dropoutMask } from './dropout-mask.ts';
import type { Invocation } from './execution.ts';

/** Low enough that nothing of a masked score is left behind the softmax. */
const MASKED = -1e9;

/** What a mask does to scores that it does not let count. */
export type Masking =
  /** They become equal: where none counts, all do alike. */
  | 'equal'
  /** They become equal, and the weights where none counts become 0. */
  | 'zero'
  /** They are lowered: where none counts they stay as different as rounding leaves them. */
  | 'lowered';

/**
 * Softmax of scores [..., query steps, key steps] over the keys that `mask` (bool, stretching over the scores) lets count, and the same with dropout in
 * training.
 */
export function attentionWeights(
  scores: Tensor,
  mask: Tensor | null,
  masking: Masking,
  { options, training, seed }: Pick<Invocation, 'options' | 'training' | 'seed'>,
): { weights: Tensor; dropped: Tensor } {
  const kept = mask === null ? null : broadcastTo(tf.cast(mask, 'float32'), scores.shape);
  const counts = kept === null ? null : tf.greater(kept, 0);
  const low = (): Tensor => (masking === 'lowered' ? tf.add(scores, MASKED) : tf.fill(scores.shape, MASKED));
  const softmax = tf.softmax(counts === null ? scores : tf.where(counts, scores, low()));
  const weights = kept !== null && masking === 'zero' ? tf.mul(softmax, kept) : softmax;
  const rate = training ? number(options, 'dropout', 0) : 0;
  return { weights, dropped: rate === 0 ? weights : tf.mul(weights, dropoutMask(weights.shape, rate, seed())) };
}

/** bool [1, queries, keys]: true where the key's step is none behind the query's. */
export function causalMask(queries: number, keys: number): Tensor {
  const values = Uint8Array.from({ length: queries * keys }, (_none, index) => (index % keys > Math.floor(index / keys) ? 0 : 1));
  return tf.tensor(values, [1, queries, keys], 'bool');
}

/** bool [1, queries, keys]: true where the key's step is less than `width` steps from the query's. */
export function slidingMask(queries: number, keys: number, width: number): Tensor {
  const values = Uint8Array.from({ length: queries * keys }, (_none, index) =>
    Math.abs((index % keys) - Math.floor(index / keys)) < width ? 1 : 0,
  );
  return tf.tensor(values, [1, queries, keys], 'bool');
}

/** True where every mask that is given is; null where none is. */
export function allOf(...masks: (Tensor | null | undefined)[]): Tensor | null {
  const given = masks.filter((mask) => mask !== null && mask !== undefined);
  return given.length === 0 ? null : given.reduce((all, mask) => tf.logicalAnd(all, mask));
}
