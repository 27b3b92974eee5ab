import { coupleActivation } from './channel-mixing.ts';
import { convolutionWindowOf } from './convolution.ts';
import type { LayerClass, Options, RefusedOption } from './layer-class.ts';
import { size } from './layer-class.ts';
import { activationName, firstRefusal, flag, integer, refuseActivation, refuseChannelsFirst, refusePadding, tuple } from './options.ts';
import { repeated } from './units.ts';
import { refuseDilatedStrides, slide } from './window.ts';

/** How many outputs each channel makes. */
export function depthMultiplier(options: Options): number {
  return integer({ depth_multiplier: options.depth_multiplier ?? 1 }, 'depth_multiplier');
}

/** Refuses what a depthwise window over `rank` axes cannot be: TensorFlow takes one stride for both axes. */
export function refuseDepthwiseWindow(options: Options, rank: number): RefusedOption | null {
  const window = convolutionWindowOf(options, rank);
  return firstRefusal(
    refuseChannelsFirst(options),
    refusePadding(options),
    refuseDilatedStrides(window),
    window.strides.every((stride) => stride === window.strides[0])
      ? null
      : { option: 'strides', received: options.strides, accepted: 'the same stride for every axis' },
  );
}

/** A depthwise convolution over `rank` spatial axes: kernel [...size, channels, multiplier]; channel c makes the outputs c·multiplier onwards. */
export function depthwiseConvolution(rank: number): LayerClass {
  return {
    refuse: (options) => firstRefusal(refuseActivation(options), refuseDepthwiseWindow(options, rank)),
    outputShape: (options, [shape]) => {
      const channels = shape!.at(-1);
      if (channels === null) throw new Error('the channel axis of the input must have a fixed size');
      return [...slide(shape!, convolutionWindowOf(options, rank)), channels! * depthMultiplier(options)];
    },
    weights: (options, [shape]) => {
      const channels = shape!.at(-1) as number;
      const multiplier = depthMultiplier(options);
      return [
        {
          name: 'kernel',
          shape: [...tuple(options, 'kernel_size', rank), channels, multiplier],
          role: 'kernel',
          axes: { input: rank, output: rank },
          unitAxes: Array.from({ length: rank }, (_, axis) => axis),
        },
        ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [channels * multiplier], role: 'bias' } as const] : []),
      ];
    },
    macs: (options, _inputs, output) => size(output) * size(tuple(options, 'kernel_size', rank)),
    couple: (options, coupling) => {
      const channels = coupling.inputs[0]!;
      const units = repeated(channels, depthMultiplier(options));
      coupling.bind('kernel', rank, channels);
      if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, units);
      return coupleActivation(options, coupling, units);
    },
    activation: activationName,
  };
}
