import { weightKey } from '../../model/graph.ts';
import type { ChannelMap } from '../groups.ts';
import type { Criterion } from './criterion.ts';

/** |gamma| of the batch normalisation behind a unit (Liu 2017, network slimming); where several scale the unit, their mean. */
export const batchnormScale: Criterion = {
  weights: null,
  units: {
    needs: 'nothing',
    normalised: true,
    scores: (group, _statistic, { map, weights }) => {
      const [sums, counts] = [new Map<number, number>(), new Map<number, number>()];
      for (const { key, units } of scales(map)) {
        const { data } = weights.get(key)!;
        for (const [index, unit] of units.entries()) {
          sums.set(unit, (sums.get(unit) ?? 0) + Math.abs(data[index]!));
          counts.set(unit, (counts.get(unit) ?? 0) + 1);
        }
      }
      return Float64Array.from(group.units, (unit) => (sums.get(unit) ?? 0) / (counts.get(unit) ?? 1));
    },
    lacks: (group, map) => {
      const scaled = new Set(scales(map).flatMap(({ units }) => [...units]));
      return group.units.every((unit) => scaled.has(unit)) ? null : 'no BatchNormalization with a gamma is behind its units';
    },
  },
};

/** The gammas of batch normalisations, with the unit that each element scales. */
function scales({ graph, bindings }: ChannelMap) {
  return graph.layers
    .filter(({ className }) => className === 'BatchNormalization')
    .flatMap((layer) => {
      const key = weightKey(layer, 'gamma');
      return (bindings.get(key) ?? []).map(({ units }) => ({ key, units }));
    });
}
