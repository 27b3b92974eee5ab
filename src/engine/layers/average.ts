import { tf } from '../tensorflow.ts';
import { add } from './add.ts';
import { type Execution, listed } from './execution.ts';

export const average: Execution = (invocation) => {
  const [sum, ...mask] = listed(add(invocation));
  return [tf.mul(sum!, 1 / invocation.inputs.length), ...mask];
};
