import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const reshape: Execution = ({ options, inputs: [x] }) => tf.reshape(x!, [x!.shape[0]!, ...(options.target_shape as number[])]);
