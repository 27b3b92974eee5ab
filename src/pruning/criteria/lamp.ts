import type { Criterion } from './criterion.ts';

/** w² / Σ v² over the v of its kernel with v² ≥ w² (Lee 2021, eq. 4): what layers give follows from comparing it globally. */
export const lamp: Criterion = {
  weights: {
    needs: 'nothing',
    scores: ({ data }) => {
      const descending = data
        .map((value) => value * value)
        .sort()
        .reverse();
      const sums = new Map<number, number>();
      let sum = 0;
      for (const square of descending) {
        sum += square;
        // Of equal squares the last sum is that over all of them.
        sums.set(square, sum);
      }
      return data.map((value) => {
        const square = Math.fround(value * value);
        return square === 0 ? 0 : square / sums.get(square)!;
      });
    },
  },
  units: null,
};
