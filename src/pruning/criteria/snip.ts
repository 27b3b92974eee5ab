import type { Criterion } from './criterion.ts';

/** The mean over batches of |g_b·w|, of all weights together 1 (Lee 2019, eq. 6); of a unit: |mean over samples of γ_n|. */
export const snip: Criterion = {
  weights: {
    needs: 'mean_abs_gradient',
    normalised: true,
    scores: (weight, statistic) => weight.data.map((value, index) => statistic[index]! * Math.abs(value)),
  },
  units: {
    needs: 'gates',
    normalised: false,
    scores: (group, { mean }) => Float64Array.from(group.units, (unit) => Math.abs(mean[unit]!)),
  },
};
