import { joinedAxis } from '../../model/layers/concatenate.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const concatenate: Execution = ({ options, inputs }) => tf.concat(inputs, joinedAxis(options, inputs[0]!.rank - 1) + 1);
