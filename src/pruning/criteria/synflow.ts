import type { Criterion } from './criterion.ts';

/** |w|·∂R/∂|w| of R, the sum of the outputs of the network of absolute weights for an input of ones (Tanaka 2020, eq. 5, algorithm 1). */
export function synflow(iterations: number): Criterion {
  return {
    weights: {
      needs: 'synaptic_flow',
      iterations,
      scores: (weight, statistic) => weight.data.map((value, index) => Math.abs(value) * statistic[index]!),
    },
    units: null,
  };
}
