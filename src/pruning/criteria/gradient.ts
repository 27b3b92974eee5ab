import type { Criterion } from './criterion.ts';

/** The mean over batches of |∂L/∂w|; of a unit: of |γ|, the loss gradient of its gate. Never averaged before the absolute value. */
export const gradient: Criterion = {
  weights: { needs: 'mean_abs_gradient', scores: (_weight, statistic) => statistic.slice() },
  units: {
    needs: 'gates',
    normalised: false,
    scores: (group, { batchAbsolute }) => Float64Array.from(group.units, (unit) => batchAbsolute[unit]!),
  },
};
