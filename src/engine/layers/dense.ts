import { matMul } from '../ops/mat-mul.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';

/** Acts on the last axis, whatever the rank. */
export const dense: Execution = (invocation) => {
  const x = invocation.inputs[0]!;
  const kernel = invocation.weights.kernel!;
  if (x.rank === 2) return finish(matMul(x, kernel), invocation);
  const rows = matMul(tf.reshape(x, [-1, kernel.shape[0]!]), kernel);
  return finish(tf.reshape(rows, [...x.shape.slice(0, -1), kernel.shape[1]!]), invocation);
};
