import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const concatenate: Execution = ({ inputs }) => tf.concat(inputs, -1);
