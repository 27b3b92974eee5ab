import type { Criterion } from './criterion.ts';

/** The mean over batches of |∂L/∂w|; of a unit: of |γ|, the loss gradient of its gate. Never averaged before the absolute value. */
export const gradient: Criterion = {
  weightStatistic: 'mean_abs_gradient',
  gateStatistic: 'mean_abs_gate',
  normalised: false,
  weightScores: (_weight, statistic) => statistic!.slice(),
  unitScore: (_slices, gate) => gate!,
};
