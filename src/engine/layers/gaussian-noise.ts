import { number } from '../../model/layers/options.ts';
import { statelessNormal } from '../ops/stateless-random.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const gaussianNoise: Execution = ({ options, inputs: [x], training, seed }) => {
  const deviation = number(options, 'stddev', 0);
  if (!training || deviation === 0) return x!;
  return tf.add(x!, tf.mul(statelessNormal(x!.shape, seed()), deviation));
};
