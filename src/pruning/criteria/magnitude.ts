import type { Criterion } from './criterion.ts';

/** |w|^p (Han 2015); of a unit: the sum over its slices (Li 2017). Order does not depend on p for single weights, but it does for units. */
export function magnitude(p: 1 | 2): Criterion {
  const power = (value: number): number => (p === 1 ? Math.abs(value) : value * value);
  return {
    weightStatistic: null,
    gateStatistic: null,
    normalised: true,
    weightScores: (weight) => weight.data.map(Math.abs),
    unitScore: (slices) => {
      let sum = 0;
      for (const slice of slices) for (const value of slice) sum += power(value);
      return sum;
    },
  };
}
