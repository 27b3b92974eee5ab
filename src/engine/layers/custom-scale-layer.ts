import { number } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const customScaleLayer: Execution = ({ options, inputs: [kept, scaled] }) =>
  tf.add(kept!, tf.mul(scaled!, number(options, 'scale', 1)));
