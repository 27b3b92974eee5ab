import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const flatten: Execution = ({ inputs: [x] }) => tf.reshape(x!, [x!.shape[0]!, -1]);
