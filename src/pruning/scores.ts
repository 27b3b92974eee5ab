/** Scores of units from kernel slices and gate statistics. */
import type { Weights } from '../model/document.ts';
import { weightKey } from '../model/graph.ts';
import type { Generator } from '../random.ts';
import type { Criterion } from './criteria/criterion.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';

/**
 * The score of every unit of the groups, by unit number (zero elsewhere). `gates` is the gate statistic by unit number, for criteria that ask for one.
 * Where the criterion is normalised, each group's scores are divided by their mean, so that groups can be compared.
 */
export function unitScores(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  weights: Weights,
  gates: Float64Array | null,
  criterion: Criterion,
  random: Generator,
): Float64Array {
  const scores = new Float64Array(map.unitCount);
  const slices = criterion.gateStatistic === null ? kernelSlices(map, weights) : null;
  for (const group of groups) {
    for (const unit of group.units) scores[unit] = criterion.unitScore(slices?.[unit] ?? [], gates?.[unit] ?? null, random);
    if (!criterion.normalised) continue;
    const mean = group.units.reduce((sum, unit) => sum + scores[unit]!, 0) / group.units.length;
    if (mean > 0) for (const unit of group.units) scores[unit]! /= mean;
  }
  return scores;
}

/** By unit: the kernel slices of its producers and of its readers. */
function kernelSlices(map: ChannelMap, weights: Weights): Float32Array[][] {
  const slices: Float32Array[][] = Array.from({ length: map.unitCount }, () => []);
  for (const layer of map.graph.layers) {
    for (const spec of layer.weights.filter((weight) => weight.role === 'kernel')) {
      const key = weightKey(layer, spec.name);
      const { shape, data } = weights.get(key)!;
      for (const { axis, units } of map.bindings.get(key) ?? []) {
        const inner = shape.slice(axis + 1).reduce((product, dimension) => product * dimension, 1);
        const length = shape[axis]!;
        for (let index = 0; index < length; index++) {
          const slice = new Float32Array(data.length / length);
          let to = 0;
          for (let from = index * inner; from < data.length; from += length * inner) {
            slice.set(data.subarray(from, from + inner), to);
            to += inner;
          }
          slices[units[index]!]!.push(slice);
        }
      }
    }
  }
  return slices;
}
