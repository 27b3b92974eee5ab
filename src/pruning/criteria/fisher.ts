import type { Criterion } from './criterion.ts';

/** ½·mean(g²)·w², g the gradient of a small batch (LeCun 1990); of a unit: Σ γ_n² / 2N over samples (Theis 2018, eq. 6). */
export const fisher: Criterion = {
  weights: {
    needs: 'mean_squared_gradient',
    scores: (weight, statistic) => weight.data.map((value, index) => 0.5 * statistic[index]! * value * value),
  },
  units: {
    needs: 'gates',
    normalised: false,
    scores: (group, { sampleSquare }) => Float64Array.from(group.units, (unit) => sampleSquare[unit]! / 2),
  },
};
