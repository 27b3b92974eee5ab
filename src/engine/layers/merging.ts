import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import type { Execution, Invocation } from './execution.ts';

/** The inputs with equally many axes: as in Keras, those that lack some get them behind the batch's. */
function aligned(inputs: Tensor[]): Tensor[] {
  const rank = Math.max(...inputs.map((input) => input.rank));
  return inputs.map((input) => {
    if (input.rank === rank) return input;
    const ones = Array.from({ length: rank - input.rank }, () => 1);
    return tf.reshape(input, [input.shape[0]!, ...ones, ...input.shape.slice(1)]);
  });
}

/**
 * What masks do to the numbers: nothing, or a step that does not count is left out of a product or of a choice. Of a product it is 0 where it counts in
 * none of the inputs.
 */
type Masked = 'plain' | 'product' | 'choice';

/** Inputs combined two by two. */
export function merging(combine: (a: Tensor, b: Tensor) => Tensor, masked: Masked = 'plain'): Execution {
  return ({ inputs, masks }) => {
    const given = masks.filter((mask) => mask !== null);
    const all = given.length === masks.length && given.length > 0;
    const any = all ? given.reduce((either, mask) => tf.logicalOr(either, mask)) : null;
    const merged =
      masked === 'plain' || given.length === 0
        ? aligned(inputs).reduce((sum, input) => combine(sum, input))
        : leftOut(inputs, masks, combine, masked);
    const value = masked === 'product' && any ? tf.mul(merged, tf.cast(tf.expandDims(any, -1), 'float32')) : merged;
    return any ? [value, any] : value;
  };
}

function leftOut(inputs: readonly Tensor[], masks: Invocation['masks'], combine: (a: Tensor, b: Tensor) => Tensor, masked: Masked): Tensor {
  const [first, ...rest] = inputs.map((input, index) => ({ value: input, mask: masks[index] ?? null }));
  if (masked === 'product') {
    const factors = [first!, ...rest].map(({ value, mask }) => (mask ? chosen(mask, value, tf.fill(value.shape, 1)) : value));
    return factors.reduce((product, factor) => combine(product, factor));
  }
  let [output, outputMask] = [first!.value, first!.mask];
  for (const { value, mask } of rest) {
    const x = mask ? chosen(mask, value, output) : value;
    if (outputMask) output = chosen(outputMask, output, x);
    outputMask = mask && outputMask ? tf.logicalOr(mask, outputMask) : null;
    output = combine(output, x);
  }
  return output;
}

/** `yes` at the steps that count and `no` at the others; the two stretch over one another. */
function chosen(mask: Tensor, yes: Tensor, no: Tensor): Tensor {
  const counts = tf.cast(tf.expandDims(mask, -1), 'float32');
  return tf.add(tf.mul(yes, counts), tf.mul(no, tf.sub(1, counts)));
}
