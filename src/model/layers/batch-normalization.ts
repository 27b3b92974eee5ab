import type { LayerClass, Options, Shape } from './layer-class.ts';
import { carriesMask, requireMaskAxes } from './masking.ts';
import { fixedLength, sampleAxis } from './operations/axes.ts';
import { firstRefusal, flag } from './options.ts';

/** The axis of a sample, from 0, of which each place is normalised by itself. Throws an Error where there is none, or its size is free. */
export function normalisedAxis(options: Options, input: Shape): number {
  const axis: unknown = Array.isArray(options.axis) && options.axis.length === 1 ? options.axis[0] : (options.axis ?? -1);
  // After the first build Keras writes the axis as a non-negative number.
  const found = sampleAxis(axis, input.length + 1);
  fixedLength(input, found);
  return found;
}

/** BatchNormalization: by the mean and variance over all axes but one, which is the last unless said otherwise. */
export const batchNormalization: LayerClass = {
  refuse: (options) =>
    firstRefusal(
      flag(options, 'renorm', false) ? { option: 'renorm', received: true, accepted: 'false' } : null,
      flag(options, 'synchronized', false) ? { option: 'synchronized', received: true, accepted: 'false' } : null,
    ),
  outputShape: (options, [input]) => {
    normalisedAxis(options, input!);
    return input!;
  },
  weights: (options, [input]) => {
    const shape = [input![normalisedAxis(options, input!)] as number];
    return [
      ...(flag(options, 'scale', true) ? [{ name: 'gamma', shape, role: 'scale' } as const] : []),
      ...(flag(options, 'center', true) ? [{ name: 'beta', shape, role: 'offset' } as const] : []),
      { name: 'moving_mean', shape, role: 'statistic' },
      { name: 'moving_variance', shape, role: 'statistic' },
    ];
  },
  ...carriesMask,
  readsMasks: true,
  checkMasks: (options, inputs, masks) => {
    if (normalisedAxis(options, inputs[0]!) !== inputs[0]!.length - 1)
      throw new Error('an input of which another axis than the last is normalised has a mask');
    requireMaskAxes(inputs, masks, inputs[0]!.length - 1);
  },
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    const [shape] = coupling.inputShapes;
    if (normalisedAxis(options, shape!) !== shape!.length - 1) {
      coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a normalisation of another axis mixes the channels');
      return units;
    }
    if (flag(options, 'scale', true)) coupling.bind('gamma', 0, units);
    if (flag(options, 'center', true)) coupling.bind('beta', 0, units);
    coupling.bind('moving_mean', 0, units);
    coupling.bind('moving_variance', 0, units);
    return units;
  },
};
