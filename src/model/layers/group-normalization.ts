import type { LayerClass, Options } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { perSample } from './normalised-axes.ts';
import { flag, integer } from './options.ts';
import { tieParts } from './units.ts';

/** The number of groups of `channels` channels; -1 in the config is one for each. Throws an Error where they do not divide them. */
export function normalisedGroups(options: Options, channels: number): number {
  const groups = (options.groups ?? 32) === -1 ? channels : integer({ groups: options.groups ?? 32 }, 'groups');
  if (channels % groups !== 0) throw new Error(`${groups} groups do not divide ${channels} channels`);
  return groups;
}

/** GroupNormalization (Wu & He 2018) of the last axis, each group over all places. */
export const groupNormalization: LayerClass = {
  ...perSample,
  ...carriesMask,
  outputShape: (options, [input]) => {
    const axis = options.axis ?? -1;
    if (axis !== -1 && axis !== input!.length) throw new Error(`axis is ${axis}; it must be the last axis (-1 or ${input!.length})`);
    if (input!.at(-1) === null) throw new Error('the last axis of the input must have a fixed size');
    normalisedGroups(options, input!.at(-1)!);
    return input!;
  },
  weights: (options, [input]) => {
    const shape = [input!.at(-1) as number];
    return [
      ...(flag(options, 'scale', true) ? [{ name: 'gamma', shape, role: 'scale' } as const] : []),
      ...(flag(options, 'center', true) ? [{ name: 'beta', shape, role: 'offset' } as const] : []),
    ];
  },
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    const groups = normalisedGroups(options, units.length);
    if (flag(options, 'scale', true)) coupling.bind('gamma', 0, units);
    if (flag(options, 'center', true)) coupling.bind('beta', 0, units);
    // A group of one channel goes with it; groups of several keep equally many.
    if (groups < units.length) tieParts(coupling, units, groups);
    else if (options.groups !== -1) coupling.resize('groups', units);
    return units;
  },
};
