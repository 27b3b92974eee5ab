/** What shares a cut out between groups, or kernels, in the place of a criterion's scores: each keeps the order that its criterion gives it. */
import { type MeasureName, measureOf, type PruneSpec, type Sensitivities } from '../../jobs/spec/index.ts';
import type { ChannelGroup, ChannelMap } from '../../pruning/groups.ts';
import { macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { guidedUnits, guidedWeights } from '../../pruning/sensitivity.ts';

export interface Guidance {
  /** By unit number. */
  units(map: ChannelMap, groups: readonly ChannelGroup[], scores: Float64Array): Float64Array;
  /** By kernel, in the weight's order. */
  weights(scores: ReadonlyMap<string, Float32Array>): Map<string, Float32Array>;
}

/** By what groups were measured to bear: what costs least loss for what the target counts of it goes first. */
export function guidedBy(sensitivities: Sensitivities, { pruning: { target } }: PruneSpec): Guidance {
  return {
    units: (map, groups, scores) => guidedUnits(groups, scores, sensitivities, gainOf(map, measureOf(target).measure)),
    weights: (scores) => guidedWeights(scores, sensitivities),
  };
}

/** What goes with one unit of a group, as the target counts it. */
function gainOf(map: ChannelMap, measure: MeasureName): (group: ChannelGroup) => number {
  const counted = measure === 'parameters' ? parametersMeasure(map) : macsMeasure(map);
  const whole = counted.of(new Uint8Array(map.unitCount));
  return ({ units }) => {
    const removed = new Uint8Array(map.unitCount);
    removed[units[0]!] = 1;
    return whole - counted.of(removed);
  };
}
