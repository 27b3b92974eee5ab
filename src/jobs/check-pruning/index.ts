/** What a prune job asks for, against its model and data. */
import type { DatasetFacts } from '../../dataset/facts.ts';
import { checkLayerNames } from '../check-layer-names.ts';
import type { CheckedModel } from '../check-training.ts';
import type { PruneSpec, Training } from '../spec/index.ts';
import { checkPruningOptions } from './options.ts';
import { checkReach } from './reach.ts';
import { checkSchedule } from './schedule.ts';
import { checkSteps } from './steps.ts';

/** Throws Problem UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS, TARGET_OUT_OF_REACH, NOTHING_TO_PRUNE. `fineTuning` is the resolved one. */
export async function checkPruning(spec: PruneSpec, fineTuning: Training, model: CheckedModel, dataset: DatasetFacts): Promise<void> {
  checkPruningOptions(spec, fineTuning);
  checkSchedule(spec, fineTuning);
  checkLayerNames(spec.pruning.layers, model.facts, '/pruning/layers');
  checkReach(spec, await model.readConfig());
  checkSteps(spec, fineTuning, dataset);
}
