import { tf } from '../tensorflow.ts';
import { add } from './add.ts';
import type { Execution } from './execution.ts';

export const average: Execution = (invocation) => tf.mul(add(invocation), 1 / invocation.inputs.length);
