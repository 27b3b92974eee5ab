import { coupleActivation } from './channel-mixing.ts';
import { convolutionWindowOf } from './convolution.ts';
import { depthMultiplier, refuseDepthwiseWindow } from './depthwise-convolution.ts';
import type { LayerClass } from './layer-class.ts';
import { size } from './layer-class.ts';
import { activationName, firstRefusal, flag, integer, refuseActivation, tuple } from './options.ts';
import { repeated } from './units.ts';
import { slide } from './window.ts';

/**
 * A depthwise convolution over `rank` spatial axes and a pointwise one behind it: kernels [...size, channels, multiplier] and
 * [...1, channels · multiplier, filters].
 */
export function separableConvolution(rank: number): LayerClass {
  return {
    refuse: (options) => firstRefusal(refuseActivation(options), refuseDepthwiseWindow(options, rank)),
    outputShape: (options, [shape]) => {
      if (shape!.at(-1) === null) throw new Error('the channel axis of the input must have a fixed size');
      return [...slide(shape!, convolutionWindowOf(options, rank)), integer(options, 'filters')];
    },
    weights: (options, [shape]) => {
      const channels = shape!.at(-1) as number;
      const multiplier = depthMultiplier(options);
      const filters = integer(options, 'filters');
      const ones = Array.from({ length: rank }, () => 1);
      return [
        {
          name: 'depthwise_kernel',
          shape: [...tuple(options, 'kernel_size', rank), channels, multiplier],
          role: 'kernel',
          axes: { input: rank, output: rank },
          unitAxes: Array.from({ length: rank }, (_, axis) => axis),
        },
        {
          name: 'pointwise_kernel',
          shape: [...ones, channels * multiplier, filters],
          role: 'kernel',
          axes: { input: rank, output: rank + 1 },
        },
        ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [filters], role: 'bias' } as const] : []),
      ];
    },
    macs: (options, [shape], output) => {
      const between = (shape!.at(-1) as number) * depthMultiplier(options);
      const places = size(output.slice(0, -1));
      return places * between * size(tuple(options, 'kernel_size', rank)) + size(output) * between;
    },
    couple: (options, coupling) => {
      coupling.reads(0);
      const channels = coupling.inputs[0]!;
      const units = coupling.fresh(integer(options, 'filters'));
      coupling.bind('depthwise_kernel', rank, channels);
      coupling.bind('pointwise_kernel', rank, repeated(channels, depthMultiplier(options)));
      coupling.bind('pointwise_kernel', rank + 1, units);
      if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, units);
      coupling.resize('filters', units);
      return coupleActivation(options, coupling, units);
    },
    activation: activationName,
  };
}
