import type { Criterion } from './criterion.ts';

/**
 * w·(Hg). Taking w away changes the gradient flow gᵀg by about -2·w·(Hg); weights whose loss raises it most go, as in the paper, which prunes the highest
 * -w·(Hg) (Wang 2020, eq. 8).
 */
export const grasp: Criterion = {
  weights: {
    needs: 'hessian_gradient',
    scores: (weight, statistic) => weight.data.map((value, index) => value * statistic[index]!),
  },
  units: null,
};
