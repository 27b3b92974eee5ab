/** Nested lists of numbers, as JSON has arrays, to and from arrays. */
import { Problem, received } from '../../errors.ts';
import type { NamedArray } from '../../jobs/predictions/arrays.ts';

const DEEPEST = 8;

/**
 * The array that nested lists are. `pointer` is where they stand in the body. Throws VALIDATION_FAILED, with the place, where lists of one depth are not of
 * one length, are empty, or hold anything but numbers that a float32 holds.
 */
export function arrayOfLists(name: string, value: unknown, pointer: string): NamedArray {
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) {
    if (level.length === 0) throw fault(pointer, 'An empty list: every axis has at least 1', value);
    shape.push(level.length);
    if (shape.length > DEEPEST) throw fault(pointer, `Lists are nested deeper than ${DEEPEST}`, undefined);
  }
  if (shape.length === 0) throw fault(pointer, 'Inputs are lists of samples', value);
  const data = new Float32Array(shape.reduce((product, axis) => product * axis, 1));
  let at = 0;
  const fill = (level: unknown, depth: number, place: string): void => {
    if (depth === shape.length) {
      if (typeof level !== 'number') throw fault(place, 'A number belongs here', level);
      const number = Math.fround(level);
      if (!Number.isFinite(number)) throw fault(place, 'The number is beyond float32', level);
      data[at++] = number;
      return;
    }
    if (!Array.isArray(level)) throw fault(place, `A list of ${shape[depth]} belongs here`, level);
    if (level.length !== shape[depth])
      throw fault(place, `This list has ${level.length} entries, the first beside it ${shape[depth]}`, level);
    for (let index = 0; index < level.length; index += 1) fill(level[index], depth + 1, `${place}/${index}`);
  };
  fill(value, 0, pointer);
  return { name, shape, data };
}

type Lists = (number | null | Lists)[];

/** An array as nested lists; null where a number is NaN or infinite. Nine digits tell every float32 from its neighbours. */
export function listsOfArray({ shape, data }: NamedArray): Lists {
  let at = 0;
  const level = (depth: number): Lists =>
    Array.from({ length: shape[depth]! }, () => {
      if (depth < shape.length - 1) return level(depth + 1);
      const number = data[at++]!;
      return Number.isFinite(number) ? Number(number.toPrecision(9)) : null;
    });
  return level(0);
}

function fault(pointer: string, detail: string, value: unknown): Problem {
  return new Problem('VALIDATION_FAILED', `${detail} (at ${pointer})`, {
    items: [{ pointer, detail, ...(value === undefined ? {} : { received: received(value) }) }],
  });
}
