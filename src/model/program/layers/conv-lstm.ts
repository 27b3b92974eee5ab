import { inputConvolution } from '../../layers/conv-lstm.ts';
import { convolutionWindowOf } from '../../layers/convolution.ts';
import { activationName, flag } from '../../layers/options.ts';
import { activate } from '../activations.ts';
import type { Lowering } from '../lowering.ts';
import type { SlidingWindow, Value } from '../program.ts';

const GATES = 4;

/** A ConvLSTM over `rank` spatial axes; the convolution of the inputs is one for all steps. */
export function convLstm(rank: number): Lowering {
  return (b, { options, inputs, extras, masks, weights }) => {
    const x = inputs[0]!;
    const together = b.length();
    const window = convolutionWindowOf(inputConvolution(options), rank) as SlidingWindow;
    const ones = window.size.map(() => 1);
    const product = b.conv(b.reshape(x, [together, ...x.shape.slice(2)]), b.weight(weights.kernel!), window, 1);
    const biased = weights.bias ? b.add(product, b.weight(weights.bias)) : product;
    const projected = b.reshape(biased, [...x.shape.slice(0, 2), ...biased.shape.slice(1)]);
    const stateShape = [x.shape[0]!, ...biased.shape.slice(1, -1), (biased.shape.at(-1) as number) / GATES];
    const zeros = b.fill(0, stateShape);
    const states = extras.initial_state ?? [zeros, zeros];
    const mask = masks[0] ?? null;
    const sequences = flag(options, 'return_sequences', false);
    const gate = (value: Value): Value => activate(b, value, activationName({ activation: options.recurrent_activation }));
    const squash = (value: Value): Value => activate(b, value, activationName(options));
    const loop = b.loop(
      {
        states: mask ? [...states, zeros] : states,
        sequences: mask ? [projected, mask] : [projected],
        backwards: flag(options, 'go_backwards', false),
      },
      ([h, c, before], [step, counts]) => {
        const recurrence = b.conv(
          h!,
          b.weight(weights.recurrent_kernel!),
          { size: window.size, strides: ones, dilation: ones, padding: 'same' },
          1,
        );
        const [i, f, candidate, o] = b.split(b.add(step!, recurrence), GATES, rank + 1) as [Value, Value, Value, Value];
        const nextC = b.add(b.mul(gate(f), c!), b.mul(gate(i), squash(candidate)));
        const nextH = b.mul(gate(o), squash(nextC));
        if (!counts) return { states: [nextH, nextC], outputs: sequences ? [nextH] : [] };
        const kept = b.reshape(counts, [counts.shape[0]!, ...stateShape.slice(1).map(() => 1)]);
        const output = b.where(kept, nextH, flag(options, 'zero_output_for_mask', false) ? 0 : before!);
        return { states: [b.where(kept, nextH, h!), b.where(kept, nextC, c!), output], outputs: sequences ? [output] : [] };
      },
    );
    const output = sequences ? loop.outputs[0]! : mask ? loop.states.at(-1)! : loop.states[0]!;
    return flag(options, 'return_state', false) ? [output, ...loop.states.slice(0, 2)] : output;
  };
}
