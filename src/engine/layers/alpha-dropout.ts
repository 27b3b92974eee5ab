import { noiseShape } from '../../model/layers/noise-shape.ts';
import { number } from '../../model/layers/options.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** What SELU tends to far below zero, -λ·α. */
const FLOOR = -1.7580993408473766;

/** Drops to SELU's floor, then scales and shifts such that mean 0 and variance 1 stay so (Klambauer et al. 2017). */
export const alphaDropout: Execution = ({ options, inputs: [x], training, seed }) => {
  const rate = number(options, 'rate', 0.5);
  if (!training || rate === 0) return x!;
  const noise = noiseShape(options, x!.shape.slice(1)).map((length, axis) => length ?? x!.shape[axis]!);
  const keep = tf.cast(tf.greaterEqual(statelessUniform(noise, seed()), rate), 'float32');
  const scale = ((1 - rate) * (1 + rate * FLOOR ** 2)) ** -0.5;
  const shift = -scale * FLOOR * rate;
  return tf.add(tf.mul(tf.add(tf.mul(x!, keep), tf.mul(tf.sub(1, keep), FLOOR)), scale), shift);
};
