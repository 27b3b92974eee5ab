import type { Options, Shape } from './layer-class.ts';

/**
 * The shape of a dropout's noise, with the batch axis, for an input of `shape`: an axis of 1 drops along it all or nothing. Throws an Error where it does
 * not fit the input, or fixes the batch's size.
 */
export function noiseShape(options: Options, shape: Shape): (number | null)[] {
  const given = options.noise_shape ?? null;
  if (given === null) return [null, ...shape];
  const fits =
    Array.isArray(given) &&
    given.length === shape.length + 1 &&
    given.every((length, axis) => length === null || length === 1 || (axis > 0 && length === shape[axis - 1]));
  if (!fits)
    throw new Error(`noise_shape is ${JSON.stringify(given)}; each axis must be 1, null, or the input's [null, ${shape.join(', ')}]`);
  return given.map((length, axis) => length ?? (axis === 0 ? null : shape[axis - 1]!));
}
