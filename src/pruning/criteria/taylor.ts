import type { Criterion } from './criterion.ts';

/** The mean over batches of (g_b·w)²; of a unit: of (mean over samples of γ_n)², its gate's gradient (Molchanov 2019, eq. 8). */
export const taylor: Criterion = {
  weightStatistic: 'mean_squared_gradient',
  gateStatistic: 'mean_squared_gate',
  normalised: false,
  weightScores: (weight, statistic) => weight.data.map((value, index) => statistic![index]! * value * value),
  unitScore: (_slices, gate) => gate!,
};
