import type { ProgramBuilder } from '../builder.ts';
import type { LoweredCall, Lowering } from '../lowering.ts';
import type { BinaryName, Value } from '../program.ts';

/** The inputs with equally many axes: as in Keras, those that lack some get them behind the batch's. */
function aligned(b: ProgramBuilder, inputs: readonly Value[]): Value[] {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  return inputs.map((input) => {
    const ones = Array.from({ length: rank - input.shape.length }, () => 1);
    return b.reshape(input, [input.shape[0]!, ...ones, ...input.shape.slice(1)]);
  });
}

/** What masks do to the numbers: nothing, or a step that does not count is left out of a product or of a choice. */
type Masked = 'plain' | 'product' | 'choice';

/** Inputs combined two by two; `mean` divides by their number. */
export function merging(name: BinaryName, masked: Masked = 'plain', mean = false): Lowering {
  return (b, { inputs, masks }) => {
    const given = masks.filter((mask) => mask !== null);
    const all = given.length === masks.length && given.length > 0;
    const any = all ? given.reduce((either, mask) => b.binary('logical_or', either, mask)) : null;
    const merged =
      masked === 'plain' || given.length === 0
        ? aligned(b, inputs).reduce((sum, input) => b.binary(name, sum, input))
        : leftOut(b, inputs, masks, name, masked);
    const counted = masked === 'product' && any ? b.mul(merged, b.cast(b.expandDims(any, any.shape.length), 'float32')) : merged;
    const value = mean ? b.div(counted, inputs.length) : counted;
    return any ? [value, any] : value;
  };
}

function leftOut(b: ProgramBuilder, inputs: readonly Value[], masks: LoweredCall['masks'], name: BinaryName, masked: Masked): Value {
  const chosen = (mask: Value, yes: Value, no: Value | number): Value => b.where(b.expandDims(mask, mask.shape.length), yes, no);
  const [first, ...rest] = inputs.map((input, index) => ({ value: input, mask: masks[index] ?? null }));
  if (masked === 'product') {
    const factors = [first!, ...rest].map(({ value, mask }) => (mask ? chosen(mask, value, 1) : value));
    return factors.reduce((product, factor) => b.binary(name, product, factor));
  }
  let [output, outputMask] = [first!.value, first!.mask];
  for (const { value, mask } of rest) {
    const x = mask ? chosen(mask, value, output) : value;
    if (outputMask) output = chosen(outputMask, output, x);
    outputMask = mask && outputMask ? b.binary('logical_or', mask, outputMask) : null;
    output = b.binary(name, output, x);
  }
  return output;
}
