/** Layers that add to or take from the ends of spatial axes, channels last. */
import type { LayerClass, Options } from './layer-class.ts';
import { integer, refuseChannelsFirst } from './options.ts';
import { requireSpatial } from './window.ts';

/** [before, after] of each of `rank` axes, from Keras' spellings. Throws an Error that names what was received. */
export function sidesOf(options: Options, option: 'padding' | 'cropping', rank: number): [number, number][] {
  const value = options[option] ?? 1;
  // Over one axis Keras writes [before, after] without a list around it.
  const axes: unknown[] = rank === 1 ? [value] : Array.isArray(value) ? value : Array.from({ length: rank }, () => value);
  if (axes.length !== rank) throw new Error(`${option} is ${JSON.stringify(value)}; ${rank} entries are needed`);
  return axes.map((axis) => {
    const [before, after] = Array.isArray(axis) ? axis : [axis, axis];
    return [integer({ [option]: before }, option, 0), integer({ [option]: after }, option, 0)];
  });
}

function resizing(rank: number, option: 'padding' | 'cropping', sign: 1 | -1): LayerClass {
  return {
    refuse: refuseChannelsFirst,
    outputShape: (options, [input]) => {
      requireSpatial(input!, rank);
      const places = sidesOf(options, option, rank).map(([before, after], axis) => {
        const length = input![axis]!;
        if (length === null) return null;
        const left = length + sign * (before + after);
        if (left < 1) throw new Error(`${option} ${JSON.stringify(options[option])} leaves nothing of an axis of ${length}`);
        return left;
      });
      return [...places, input!.at(-1)!];
    },
    couple: (_options, coupling) => coupling.inputs[0]!,
  };
}

/** Zeros at the ends of `rank` spatial axes. */
export const zeroPadding = (rank: number): LayerClass => resizing(rank, 'padding', 1);

/** Cuts off the ends of `rank` spatial axes. */
export const cropping = (rank: number): LayerClass => resizing(rank, 'cropping', -1);
