import type { LayerClass, Options } from './layer-class.ts';
import { firstRefusal, refuseChannelsFirst, tuple } from './options.ts';
import { requireSpatial } from './window.ts';

/** How many places each becomes along each of `rank` axes. */
export function upSamplingFactors(options: Options, rank: number): number[] {
  return tuple({ size: options.size ?? 2 }, 'size', rank);
}

/** Upsampling of `rank` spatial axes by whole factors, channels last. */
export function upSampling(rank: number): LayerClass {
  return {
    refuse: (options) =>
      firstRefusal(
        refuseChannelsFirst(options),
        ['nearest', ...(rank === 2 ? ['bilinear'] : [])].includes(String(options.interpolation ?? 'nearest'))
          ? null
          : { option: 'interpolation', received: options.interpolation, accepted: 'nearest, bilinear' },
      ),
    outputShape: (options, [input]) => {
      requireSpatial(input!, rank);
      const places = upSamplingFactors(options, rank).map((factor, axis) => (input![axis] === null ? null : input![axis]! * factor));
      return [...places, input!.at(-1)!];
    },
    couple: (_options, coupling) => coupling.inputs[0]!,
  };
}
