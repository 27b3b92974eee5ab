import type { LayerClass } from './layer-class.ts';
import { carriesMask, requireMaskAxes } from './masking.ts';
import { firstRefusal, flag } from './options.ts';

/** BatchNormalization over the last axis. */
export const batchNormalization: LayerClass = {
  refuse: (options) =>
    firstRefusal(
      // After the first build Keras writes the axis as a non-negative number; the shape check below tells whether it is the last.
      flag(options, 'renorm', false) ? { option: 'renorm', received: true, accepted: 'false' } : null,
      flag(options, 'synchronized', false) ? { option: 'synchronized', received: true, accepted: 'false' } : null,
    ),
  outputShape: (options, [input]) => {
    const axis = Array.isArray(options.axis) ? options.axis[0] : (options.axis ?? -1);
    if (axis !== -1 && axis !== input!.length) throw new Error(`axis is ${axis}; it must be the last axis (-1 or ${input!.length})`);
    if (input!.at(-1) === null) throw new Error('the last axis of the input must have a fixed size');
    return input!;
  },
  weights: (options, [input]) => {
    const shape = [input!.at(-1) as number];
    return [
      ...(flag(options, 'scale', true) ? [{ name: 'gamma', shape, role: 'scale' } as const] : []),
      ...(flag(options, 'center', true) ? [{ name: 'beta', shape, role: 'offset' } as const] : []),
      { name: 'moving_mean', shape, role: 'statistic' },
      { name: 'moving_variance', shape, role: 'statistic' },
    ];
  },
  ...carriesMask,
  readsMasks: true,
  checkMasks: (_options, inputs, masks) => requireMaskAxes(inputs, masks, inputs[0]!.length - 1),
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    if (flag(options, 'scale', true)) coupling.bind('gamma', 0, units);
    if (flag(options, 'center', true)) coupling.bind('beta', 0, units);
    coupling.bind('moving_mean', 0, units);
    coupling.bind('moving_variance', 0, units);
    return units;
  },
};
