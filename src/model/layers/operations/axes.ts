/** Axes of operations, which Keras counts with the batch's as the first: nothing may reach over the batch, since samples are independent here. */
import type { Shape } from '../layer-class.ts';

/** The axis of a sample, from 0, that an operation's `axis` names among `rank` axes with the batch's. Throws an Error where it is the batch's or none. */
export function sampleAxis(axis: unknown, rank: number): number {
  const found = typeof axis === 'number' && axis < 0 ? rank + axis : axis;
  if (typeof found !== 'number' || !Number.isInteger(found) || found < 0 || found >= rank) {
    throw new Error(`axis is ${JSON.stringify(axis)}; an axis from 1 to ${rank - 1} is needed`);
  }
  if (found === 0) throw new Error(`axis ${JSON.stringify(axis)} is the batch's; an axis from 1 to ${rank - 1} is needed`);
  return found - 1;
}

/** Several axes of a sample, ascending. Throws an Error where one is the batch's, none, or named twice; null in the config would be all. */
export function sampleAxes(axis: unknown, rank: number): number[] {
  if (axis === null || axis === undefined)
    throw new Error(`axis is null, which takes in the batch's; axes from 1 to ${rank - 1} are needed`);
  const axes = (Array.isArray(axis) ? axis : [axis]).map((one) => sampleAxis(one, rank)).sort((a, b) => a - b);
  if (new Set(axes).size < axes.length) throw new Error(`axis is ${JSON.stringify(axis)}; each axis can stand there once`);
  return axes;
}

/** The sample's length along an axis. Throws an Error where it is free. */
export function fixedLength(shape: Shape, axis: number): number {
  const length = shape[axis];
  if (length === null || length === undefined) throw new Error(`axis ${axis + 1} of the input must have a fixed size`);
  return length;
}
