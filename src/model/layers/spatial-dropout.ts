import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { refuseChannelsFirst } from './options.ts';
import { through } from './through.ts';
import { requireSpatial } from './window.ts';

/** Dropout of whole channels of `rank` spatial axes: the identity outside training. */
export function spatialDropout(rank: number): LayerClass {
  return {
    ...through,
    ...carriesMask,
    refuse: refuseChannelsFirst,
    outputShape: (_options, [input]) => {
      requireSpatial(input!, rank);
      return input!;
    },
    keepsValues: () => true,
    handsOn: () => 'outside training',
  };
}
