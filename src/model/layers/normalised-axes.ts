import type { Coupling, LayerClass, Options, Shape, Units } from './layer-class.ts';

/** The axes of a sample, ascending from 0, over which a layer normalises. Throws an Error where there are none such. */
export function normalisedAxes(options: Options, rank: number): number[] {
  const given: unknown = options.axis ?? -1;
  const list: unknown[] = Array.isArray(given) ? given : [given];
  const axes = list.map((axis) => (typeof axis === 'number' ? (axis < 0 ? rank + axis : axis - 1) : Number.NaN));
  const valid =
    axes.length > 0 && axes.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank) && new Set(axes).size === axes.length;
  // Keras sorts them as they are written, and so would mix up the weights' axes.
  const mixed = list.some((axis) => (axis as number) < 0) && list.some((axis) => (axis as number) > 0);
  if (!valid || mixed) throw new Error(`axis is ${JSON.stringify(given)}; axes from 1 to ${rank} are needed, or all of them negative`);
  return axes.sort((a, b) => a - b);
}

/** The lengths of these axes. Throws an Error where one is free. */
export function lengthsOf(shape: Shape, axes: readonly number[]): number[] {
  return axes.map((axis) => {
    const length = shape[axis]!;
    if (length === null) throw new Error(`axis ${axis + 1} must have a fixed size`);
    return length;
  });
}

/** A normalisation over some axes of each sample by itself: over the channels that are there. */
export const perSample = {
  outputShape: (options: Options, [input]: readonly Shape[]): Shape => {
    lengthsOf(input!, normalisedAxes(options, input!.length));
    return input!;
  },
  couple: (_options: Options, coupling: Coupling): Units => coupling.inputs[0]!,
} satisfies LayerClass;

/** The same with weights of the normalised axes' shape, of which the last is the channels' where they are normalised together. */
export function coupleNormalised(options: Options, coupling: Coupling, weights: readonly string[]): Units {
  const units = coupling.inputs[0]!;
  const rank = coupling.inputShapes[0]!.length;
  const axes = normalisedAxes(options, rank);
  if (axes.includes(rank - 1)) for (const weight of weights) coupling.bind(weight, axes.length - 1, units);
  return units;
}
