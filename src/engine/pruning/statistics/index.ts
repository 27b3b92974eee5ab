/** The statistics that criteria ask for, by name. */

import type { UnitNeed, UnitStatistics, WeightNeed, WeightStatistics } from '../../../pruning/criteria/index.ts';
import type { ChannelGroup, ChannelMap } from '../../../pruning/groups.ts';
import type { PrunableKernel } from '../../../pruning/kernels.ts';
import { activationMoments } from './activations.ts';
import type { Calibration } from './calibration.ts';
import { contributions } from './contributions.ts';
import { gateMoments } from './gates.ts';
import { inputNorms } from './input-moments.ts';
import { inverseFisher } from './inverse-fisher.ts';
import { gradientMoments, hessianGradient } from './loss-gradients.ts';
import { readActivity } from './read-activity.ts';
import { synapticFlow } from './synaptic-flow.ts';

export type { Calibration } from './calibration.ts';
export { calibrationLoss } from './calibration-loss.ts';
export { forEachProducts, inverseHessian } from './input-moments.ts';
export { fisherBlock } from './inverse-fisher.ts';
export { gradientMoments } from './loss-gradients.ts';
export { normalisationMoments } from './normalisation-moments.ts';
export { removedMeans } from './removed-means.ts';

/** The statistic of each kernel, by key; products of inputs go one kernel at a time, see `forEachProducts`. `block` is the Fisher matrix's, see `fisherBlock`. */
export function weightStatistics<Need extends Exclude<WeightNeed, 'inverse_hessian'>>(
  need: Need,
  calibration: Calibration,
  kernels: readonly PrunableKernel[],
  block: number,
): Map<string, WeightStatistics[Need]> {
  const keys = kernels.map(({ key }) => key);
  const taken = (): Map<string, unknown> => {
    switch (need) {
      case 'mean_abs_gradient':
      case 'mean_squared_gradient':
        return gradientMoments(calibration, keys, need);
      case 'hessian_gradient':
        return hessianGradient(calibration, keys);
      case 'synaptic_flow':
        return synapticFlow(calibration.graph, calibration.weights, keys, calibration.data.facts.x.shape);
      case 'movement':
        return new Map(keys.map((key) => [key, calibration.movement.get(key)!.data]));
      case 'input_norms':
        return inputNorms(calibration, kernels);
      case 'inverse_fisher':
        return inverseFisher(calibration, keys, block);
      default:
        return new Map(keys.map((key) => [key, null]));
    }
  };
  return taken() as Map<string, WeightStatistics[Need]>;
}

/** The statistic of the units of the groups. */
export function unitStatistics<Need extends UnitNeed>(
  need: Need,
  calibration: Calibration,
  map: ChannelMap,
  groups: readonly ChannelGroup[],
): UnitStatistics[Need] {
  const taken = (): UnitStatistics[UnitNeed] => {
    switch (need) {
      case 'movement':
        return calibration.movement;
      case 'gates':
        return gateMoments(calibration, map);
      case 'activations':
        return activationMoments(calibration, map, groups);
      case 'read_activity':
        return readActivity(calibration, map);
      case 'contributions':
        return contributions(calibration, map, groups);
      default:
        return null;
    }
  };
  return taken() as UnitStatistics[Need];
}
