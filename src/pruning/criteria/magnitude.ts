import { kernelSlices } from '../slices.ts';
import type { Criterion } from './criterion.ts';

/**
 * |w|^p (Han 2015); of a unit: the sum over the kernel slices of its producers and readers (Li 2017). Order does not depend on p for single weights, but
 * it does for units and blocks.
 */
export function magnitude(p: 1 | 2): Criterion {
  const power = (value: number): number => (p === 1 ? Math.abs(value) : value * value);
  return {
    weights: { needs: 'nothing', scores: ({ data }) => powers(data, p) },
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

function powers(values: Float32Array, p: 1 | 2): Float32Array {
  const scores = new Float32Array(values.length);
  if (p === 1) for (let index = 0; index < scores.length; index++) scores[index] = Math.abs(values[index]!);
  else for (let index = 0; index < scores.length; index++) scores[index] = values[index]! * values[index]!;
  return scores;
}
