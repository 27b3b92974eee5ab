import type { Criterion } from './criterion.ts';

/** Uniform and seeded: the baseline of every comparison. */
export const random: Criterion = {
  weightStatistic: null,
  gateStatistic: null,
  normalised: false,
  weightScores: (weight, _statistic, generator) => weight.data.map(() => generator.uniform()),
  unitScore: (_slices, _gate, generator) => generator.uniform(),
};
