import { matrixOrder, unitCount } from '../kernels.ts';
import type { Criterion } from './criterion.ts';

/** |W_ij|·‖X_j‖₂, compared within each output unit i (Sun 2023, eq. 1). */
export const wanda: Criterion = {
  weights: {
    needs: 'input_norms',
    unitwise: true,
    scores: ({ data }, { groups, norms }, kernel) => {
      const [units, order] = [unitCount(kernel), matrixOrder(kernel)];
      const inputs = kernel.count / units;
      const scores = new Float32Array(kernel.count);
      for (let at = 0; at < order.length; at++) {
        const group = Math.floor(((at % units) * groups) / units);
        scores[order[at]!] = Math.abs(data[order[at]!]!) * norms[group * inputs + Math.floor(at / units)]!;
      }
      return scores;
    },
  },
  units: null,
  readsInputs: 'norms',
};
