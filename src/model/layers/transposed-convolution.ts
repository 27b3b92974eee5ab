import { coupleActivation } from './channel-mixing.ts';
import { convolutionWindowOf } from './convolution.ts';
import type { LayerClass, Options, Shape } from './layer-class.ts';
import { size } from './layer-class.ts';
import { activationName, firstRefusal, flag, integer, refuseActivation, refuseChannelsFirst, refusePadding, tuple } from './options.ts';
import { requireSpatial } from './window.ts';

/** The spatial axes behind a transposed convolution, as Keras computes them. */
export function transposedAxes(options: Options, input: Shape, rank: number): (number | null)[] {
  requireSpatial(input, rank);
  const { size: kernel, strides, padding } = convolutionWindowOf(options, rank);
  const given = options.output_padding ?? null;
  const extra = given === null ? null : tuple({ output_padding: given }, 'output_padding', rank, 0);
  return kernel.map((reach, axis) => {
    const length = input[axis]!;
    const stride = strides[axis]!;
    if (length === null) return null;
    if (extra === null) return padding === 'valid' ? length * stride + Math.max(reach - stride, 0) : length * stride;
    if (extra[axis]! >= stride) throw new Error(`output_padding ${extra[axis]} must be less than the stride ${stride}`);
    return (length - 1) * stride + reach - (padding === 'valid' ? 0 : 2 * Math.floor(reach / 2)) + extra[axis]!;
  });
}

/** A transposed convolution over `rank` spatial axes, channels last: kernel [...size, out, in]. */
export function transposedConvolution(rank: number): LayerClass {
  return {
    refuse: (options) =>
      firstRefusal(
        refuseActivation(options),
        refuseChannelsFirst(options),
        refusePadding(options),
        convolutionWindowOf(options, rank).dilation.every((rate) => rate === 1)
          ? null
          : { option: 'dilation_rate', received: options.dilation_rate, accepted: '1' },
      ),
    outputShape: (options, [shape]) => {
      if (shape!.at(-1) === null) throw new Error('the channel axis of the input must have a fixed size');
      return [...transposedAxes(options, shape!, rank), integer(options, 'filters')];
    },
    weights: (options, [shape]) => {
      const filters = integer(options, 'filters');
      return [
        {
          name: 'kernel',
          shape: [...tuple(options, 'kernel_size', rank), filters, shape!.at(-1) as number],
          role: 'kernel',
          axes: { input: rank + 1, output: rank },
        },
        ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [filters], role: 'bias' } as const] : []),
      ];
    },
    // Each input element meets every element of its kernels once.
    macs: (options, [shape], output) => size(shape!) * size(tuple(options, 'kernel_size', rank)) * (output.at(-1) as number),
    couple: (options, coupling) => {
      coupling.reads(0);
      const units = coupling.fresh(integer(options, 'filters'));
      coupling.bind('kernel', rank + 1, coupling.inputs[0]!);
      coupling.bind('kernel', rank, units);
      if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, units);
      coupling.resize('filters', units);
      return coupleActivation(options, coupling, units);
    },
    activation: activationName,
  };
}
