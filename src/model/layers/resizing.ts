import type { LayerClass } from './layer-class.ts';
import { firstRefusal, flag, integer, refuseChannelsFirst } from './options.ts';
import { requireSpatial } from './window.ts';

const INTERPOLATIONS = ['bilinear', 'nearest'];

/** Resizing of [height, width, channels] to `height` and `width`, whatever the aspect ratio. */
export const resizing: LayerClass = {
  refuse: (options) => {
    const switched = ['crop_to_aspect_ratio', 'pad_to_aspect_ratio', 'antialias'].find((option) => flag(options, option, false));
    return firstRefusal(
      refuseChannelsFirst(options),
      INTERPOLATIONS.includes(String(options.interpolation ?? 'bilinear'))
        ? null
        : { option: 'interpolation', received: options.interpolation, accepted: INTERPOLATIONS.join(', ') },
      switched ? { option: switched, received: true, accepted: 'false' } : null,
    );
  },
  outputShape: (options, [input]) => {
    requireSpatial(input!, 2);
    return [integer(options, 'height'), integer(options, 'width'), input!.at(-1)!];
  },
  couple: (_options, coupling) => coupling.inputs[0]!,
};
