import { kernelSlices } from '../slices.ts';
import type { Criterion } from './criterion.ts';

/**
 * |w|^p (Han 2015); of a unit: the sum over the kernel slices of its producers and readers (Li 2017). Order does not depend on p for single weights, but
 * it does for units and blocks.
 */
export function magnitude(p: 1 | 2): Criterion {
  const power = (value: number): number => (p === 1 ? Math.abs(value) : value * value);
  return {
    weights: { needs: 'nothing', scores: ({ data }) => each(data, power) },
    units: {
      needs: 'nothing',
      normalised: true,
      scores: (group, _statistic, { map, weights }) => {
        const slices = kernelSlices(group, map, weights);
        return Float64Array.from(group.units, (unit) => {
          let sum = 0;
          for (const slice of slices.get(unit) ?? []) for (const value of slice) sum += power(value);
          return sum;
        });
      },
    },
  };
}

/** `data.map(of)` in a fifth of the time: V8 compiles `of` into a loop, and calls it from `map`. */
function each(data: Float32Array, of: (value: number) => number): Float32Array {
  const made = new Float32Array(data.length);
  for (let index = 0; index < data.length; index++) made[index] = of(data[index]!);
  return made;
}
