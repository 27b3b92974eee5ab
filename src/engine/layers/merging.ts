import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** The inputs with equally many axes: as in Keras, those that lack some get them behind the batch's. */
function aligned(inputs: Tensor[]): Tensor[] {
  const rank = Math.max(...inputs.map((input) => input.rank));
  return inputs.map((input) => {
    if (input.rank === rank) return input;
    const ones = Array.from({ length: rank - input.rank }, () => 1);
    return tf.reshape(input, [input.shape[0]!, ...ones, ...input.shape.slice(1)]);
  });
}

/** Inputs combined two by two. */
export function merging(combine: (a: Tensor, b: Tensor) => Tensor): Execution {
  return ({ inputs }) => aligned(inputs).reduce((merged, input) => combine(merged, input));
}
