import { number } from '../../model/layers/options.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const dropout: Execution = ({ options, inputs: [x], training, seed }) => {
  const rate = number(options, 'rate', 0.5);
  if (!training || rate === 0) return x!;
  if (rate === 1) return tf.zerosLike(x!);
  const keep = tf.cast(tf.greaterEqual(statelessUniform(x!.shape, seed()), rate), 'float32');
  return tf.mul(x!, tf.div(keep, 1 - rate));
};
