import { number } from '../../model/layers/options.ts';
import { statelessNormal } from '../ops/stateless-random.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const gaussianDropout: Execution = ({ options, inputs: [x], training, seed }) => {
  const rate = number(options, 'rate', 0.5);
  if (!training || rate === 0) return x!;
  return tf.mul(x!, tf.add(tf.mul(statelessNormal(x!.shape, seed()), Math.sqrt(rate / (1 - rate))), 1));
};
