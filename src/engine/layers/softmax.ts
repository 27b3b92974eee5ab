import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const softmax: Execution = ({ inputs: [x] }) => tf.softmax(x!);
