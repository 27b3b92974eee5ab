import { kernelSlices } from '../slices.ts';
import type { Criterion } from './criterion.ts';

/**
 * -Σ_s lr_s · (∂L/∂ŵ) · w over the steps so far, ŵ the masked weight: high where training moves a weight away from 0 (Sanh 2020, eq. 4). Weights that are
 * masked go on being scored, and may return. Of a unit: the sum over the kernel slices of its producers and readers.
 */
export const movement: Criterion = {
  weights: { needs: 'movement', scores: (_weight, movements) => movements.slice() },
  units: {
    needs: 'movement',
    normalised: false,
    scores(group, movements, { map }) {
      const slices = kernelSlices(group, map, movements);
      const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
      return Float64Array.from(group.units, (unit) => slices.get(unit)!.reduce((total, slice) => total + sum(slice), 0));
    },
  },
};
