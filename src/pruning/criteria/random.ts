import type { Criterion } from './criterion.ts';

/** Uniform and seeded: the baseline of every comparison. */
export const random: Criterion = {
  weights: { needs: 'nothing', scores: (weight, _statistic, _kernel, generator) => weight.data.map(() => generator.uniform()) },
  units: {
    needs: 'nothing',
    normalised: false,
    scores: (group, _statistic, context) => Float64Array.from(group.units, () => context.random.uniform()),
  },
};
