import { number } from '../../model/layers/options.ts';
import { elu } from '../ops/elu.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const eLU: Execution = ({ options, inputs: [x] }) => {
  const alpha = number(options, 'alpha', 1);
  const y = elu(x!);
  return alpha === 1 ? y : tf.where(tf.greaterEqual(0, x!), tf.mul(y, alpha), y);
};
