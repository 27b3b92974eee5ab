import type { LayerClass } from './layer-class.ts';
import { size } from './layer-class.ts';
import { refuseChannelsFirst } from './options.ts';

/** Flatten: row-major, so the channel index runs fastest and each unit stands once per spatial place. */
export const flatten: LayerClass = {
  refuse: refuseChannelsFirst,
  outputShape: (_options, [input]) => {
    if (input!.some((dimension) => dimension === null)) throw new Error('every axis of the input must have a fixed size');
    return [size(input!)];
  },
  keepsValues: () => true,
  couple: (_options, coupling) => {
    const channels = coupling.inputs[0]!;
    if (channels.length === 0) {
      const only = coupling.fresh(1);
      coupling.freeze(only, 'UNFOLLOWED_LAYER', 'a single number a sample has no channel axis to follow');
      return only;
    }
    const flat = new Int32Array(size(coupling.outputShape));
    for (let place = 0; place < flat.length; place += channels.length) flat.set(channels, place);
    return flat;
  },
};
