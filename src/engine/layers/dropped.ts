import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** x with a share of `rate` at zero and the rest times 1 / (1 - rate); the noise has the given shape and stretches over x. */
export function dropped(x: Tensor, rate: number, noiseShape: readonly number[], seed: () => Tensor): Tensor {
  if (rate === 0) return x;
  if (rate === 1) return tf.zerosLike(x);
  const keep = tf.cast(tf.greaterEqual(statelessUniform(noiseShape, seed()), rate), 'float32');
  return tf.mul(x, tf.div(keep, 1 - rate));
}
