import { number } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const rescaling: Execution = ({ options, inputs: [x] }) =>
  tf.add(tf.mul(x!, number(options, 'scale', 1)), number(options, 'offset', 0));
