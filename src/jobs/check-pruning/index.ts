/** What a prune job asks for, against its model and data. */
import type { DatasetFacts } from '../../dataset/facts.ts';
import type { JobWarning } from '../../ledger/ledger.ts';
import { scopeOf } from '../../pruning/cells.ts';
import type { FurtherModels } from '../check-distillation.ts';
import type { CheckedModel } from '../check-training.ts';
import { graphOf } from '../models-at-samples.ts';
import { resolveLayers } from '../resolve-layers.ts';
import type { PruneSpec, Pruning, Training } from '../spec/index.ts';
import { checkCells } from './cells.ts';
import { checkFeatures } from './features.ts';
import { resolveMakeUp } from './make-up.ts';
import { checkPruningOptions } from './options.ts';
import { checkPlan } from './plan.ts';
import { checkReach } from './reach.ts';
import { checkRegularization } from './regularization.ts';
import { checkRewind } from './rewind.ts';
import { checkSchedule } from './schedule.ts';
import { checkSteps, stepsOf } from './steps.ts';
import { resolveTarget } from './target.ts';

/**
 * The pruning with its scope resolved and patterns of layers replaced by their names; `warn` is told what is left out. `fineTuning` is the resolved one.
 * Throws Problem UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS, TARGET_OUT_OF_REACH, NOTHING_TO_PRUNE, PLAN_MISMATCH.
 */
export async function checkPruning(
  spec: PruneSpec,
  fineTuning: Training,
  { model, dataset, further }: { model: CheckedModel; dataset: DatasetFacts; further: FurtherModels },
  warn: (warning: JobWarning) => void,
): Promise<Pruning> {
  checkCells(spec.pruning);
  checkPruningOptions(fineTuning);
  checkSchedule(spec, fineTuning);
  const target = resolveTarget(spec, fineTuning, model.facts, dataset);
  const layers = resolveLayers(spec.pruning.layers, model.facts, '/pruning/layers');
  const pruning = { ...spec.pruning, target, layers, scope: scopeOf(spec.pruning) };
  const graph = await graphOf(model);
  checkRegularization(pruning, graph);
  checkFeatures(pruning, fineTuning, graph);
  checkReach(pruning, graph, warn);
  await checkPlan(pruning, graph, model.sha256, model.readPlan);
  checkSteps(spec, fineTuning, dataset);
  await checkRewind(pruning, stepsOf(fineTuning, dataset), graph, further);
  return { ...pruning, ...resolveMakeUp(pruning, graph) };
}
