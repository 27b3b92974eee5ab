import { convolutionWindowOf, groupsOf } from '../../layers/convolution.ts';
import { transposedAxes } from '../../layers/transposed-convolution.ts';
import type { ProgramBuilder } from '../builder.ts';
import { Inexpressible, type Lowering } from '../lowering.ts';
import type { SlidingWindow, Value } from '../program.ts';
import { finish } from './finish.ts';
import { sampleShape } from './sample.ts';

/** A convolution over `rank` spatial axes, with any groups, dilation and padding. */
export function convolution(rank: number): Lowering {
  return (b, call) => {
    const window = convolutionWindowOf(call.options, rank);
    let x = call.inputs[0]!;
    if (window.padding === 'causal') {
      x = b.pad(x, [
        [0, 0],
        [(window.size[0]! - 1) * window.dilation[0]!, 0],
        [0, 0],
      ]);
    }
    const padding = window.padding === 'same' ? 'same' : 'valid';
    return finish(b, b.conv(x, b.weight(call.weights.kernel!), { ...window, padding }, groupsOf(call.options)), call);
  };
}

function depthwise(b: ProgramBuilder, x: Value, kernel: Value, options: Parameters<typeof convolutionWindowOf>[0], rank: number): Value {
  return b.depthwiseConv(x, kernel, convolutionWindowOf(options, rank) as SlidingWindow);
}

export function depthwiseConvolution(rank: number): Lowering {
  return (b, call) => finish(b, depthwise(b, call.inputs[0]!, b.weight(call.weights.kernel!), call.options, rank), call);
}

export function separableConvolution(rank: number): Lowering {
  return (b, call) => {
    const { options, inputs, weights } = call;
    const channels = depthwise(b, inputs[0]!, b.weight(weights.depthwise_kernel!), options, rank);
    const ones = Array.from({ length: rank }, () => 1);
    const window = { size: ones, strides: ones, dilation: ones, padding: 'valid' } as const;
    return finish(b, b.conv(channels, b.weight(weights.pointwise_kernel!), window, 1), call);
  };
}

export function transposedConvolution(rank: number): Lowering {
  return (b, call) => {
    const { options, inputs, weights } = call;
    const [x] = inputs;
    const { padding, ...window } = convolutionWindowOf(options, rank);
    const output = transposedAxes(options, sampleShape(x!), rank).map((length, axis) => {
      if (length !== null) return length;
      if ((options.output_padding ?? null) !== null) throw new Inexpressible('output_padding stands beside a free axis', 'fixed sizes');
      return window.strides[axis] === 1 && padding === 'same' ? x!.shape[axis + 1]! : b.length();
    });
    const kernel = b.weight(weights.kernel!);
    return finish(b, b.convTranspose(x!, kernel, { ...window, padding: padding === 'same' ? 'same' : 'valid' }, output), call);
  };
}
