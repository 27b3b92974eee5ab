import type { Criterion } from './criterion.ts';

/** The mean over batches of (g_b·w)²; of a unit: of (mean over samples of γ_n)², its gate's gradient (Molchanov 2019, eq. 8). */
export const taylor: Criterion = {
  weights: {
    needs: 'mean_squared_gradient',
    scores: (weight, statistic) => weight.data.map((value, index) => statistic[index]! * value * value),
  },
  units: {
    needs: 'gates',
    normalised: false,
    scores: (group, { batchSquare }) => Float64Array.from(group.units, (unit) => batchSquare[unit]!),
  },
};
