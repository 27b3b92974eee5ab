import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** 0 with a probability of `rate` (below 1), else 1 / (1 - rate). */
export function dropoutMask(shape: readonly number[], rate: number, seed: Tensor): Tensor {
  return tf.div(tf.cast(tf.greaterEqual(statelessUniform(shape, seed), rate), 'float32'), 1 - rate);
}

/** Another seed, int32 [2], for the n-th draw of a layer that draws several times a step. */
export function furtherSeed(seed: Tensor, n: number): Tensor {
  return tf.add(seed, tf.tensor1d([n, 0], 'int32'));
}
