import { joined, kernelSlices } from '../slices.ts';
import type { Criterion } from './criterion.ts';

/** Of a unit: the sum over the other units of its group of the L2 distance between their filters, those of all producers as one vector (He 2019, eq. 4). */
export const fpgm: Criterion = {
  weights: null,
  units: {
    needs: 'nothing',
    normalised: true,
    scores: (group, _statistic, { map, weights }) => {
      const slices = kernelSlices(group, map, weights, 'producers');
      const filters = Array.from(group.units, (unit) => joined(slices.get(unit) ?? []));
      return Float64Array.from(filters, (filter) => filters.reduce((sum, other) => sum + distance(filter, other), 0));
    },
  },
};

/** Of vectors of two lengths the longer one's rest counts as it is. */
function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < Math.max(a.length, b.length); index++) sum += ((a[index] ?? 0) - (b[index] ?? 0)) ** 2;
  return Math.sqrt(sum);
}
