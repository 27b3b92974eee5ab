/** What can be known before a job runs is refused with the POST, and every `auto` becomes the value in force. */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { JobWarning } from '../ledger/ledger.ts';
import { totalMacs } from '../model/costs.ts';
import { MASKED_OUTPUT, type ModelFacts, NOT_TRAINED } from '../model/facts.ts';
import { readGraph } from '../model/graph.ts';
import { fewestMacs, selectableGroups } from '../pruning/allocation.ts';
import { channelMap } from '../pruning/groups.ts';
import { planFault, prunableKernels } from '../pruning/masks.ts';
import { fillDefaults } from '../schema.ts';
import { checkLayerNames } from './check-layer-names.ts';
import { type CheckedModel, resolveTraining } from './check-training.ts';
import { count, dimensions, refuse } from './refuse.ts';
import { type JobSpec, type PruneSpec, Training } from './spec/index.ts';

export type { CheckedModel } from './check-training.ts';

/** A specification that can run, and what the caller should know of it. */
export interface CheckedJob {
  spec: JobSpec;
  warnings: JobWarning[];
}

/**
 * The specification with every `auto` resolved.
 * Throws Problem: MODEL_DATASET_MISMATCH, MODEL_NOT_TRAINABLE, LABELS_REQUIRED, UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS, TARGET_OUT_OF_REACH, NOTHING_TO_PRUNE.
 */
export async function checkJob(spec: JobSpec, model: CheckedModel, dataset: DatasetFacts): Promise<CheckedJob> {
  checkData(model.facts, dataset);
  const warnings: JobWarning[] = [];
  const resolve = (training: Training, pointer: string): Promise<Training> =>
    resolveTraining(training, { pointer, pruned: spec.type === 'prune', model, dataset, warn: (warning) => warnings.push(warning) });
  checkTraining(spec, model.facts);
  if (spec.type === 'train') {
    if (spec.training.epochs === 0) refuse('INCOMPATIBLE_OPTIONS', '/training/epochs', 'A train job needs at least one epoch.', 0);
    return { spec: { ...spec, training: await resolve(spec.training, '/training') }, warnings };
  }
  const fineTuning = await resolve(spec.fine_tuning ?? fillDefaults(Training, { epochs: 0 }), '/fine_tuning');
  checkPruningOptions(spec, fineTuning);
  checkLayerNames(spec.pruning.layers, model.facts, '/pruning/layers');
  checkReach(spec, await model.readConfig());
  checkSteps(spec, fineTuning, dataset);
  return { spec: { ...spec, fine_tuning: fineTuning }, warnings };
}

/** The data's samples must be what the model takes, give or take axes of length one and flattening; one input, one output. */
function checkData(model: ModelFacts, dataset: DatasetFacts): void {
  const [input] = model.inputs;
  const [output] = model.outputs;
  if (model.inputs.length !== 1 || model.outputs.length !== 1 || !input || !output) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      '/model_id',
      `The model has ${model.inputs.length} inputs and ${model.outputs.length} outputs; jobs take models with one of each. It can be predicted with, inspected and converted as it is.`,
      [...model.inputs.map(({ name }) => name), ...model.outputs.map(({ name }) => name)],
    );
  }
  const masked = model.warnings.find(({ code }) => code === MASKED_OUTPUT);
  if (masked) {
    const accepted = 'an output without a mask, as behind GlobalAveragePooling1D or a recurrent layer without return_sequences';
    refuse('MODEL_NOT_TRAINABLE', '/model_id', `${masked.detail} Accepted: ${accepted}.`, output.name);
  }
  const wanted = input.shape.slice(1);
  const given = dataset.x.shape;
  const squeezed = (shape: readonly (number | null)[]): (number | null)[] => shape.filter((dimension) => dimension !== 1);
  const same =
    squeezed(wanted).length === squeezed(given).length &&
    squeezed(wanted).every((dimension, axis) => dimension === null || dimension === squeezed(given)[axis]);
  const flat = (wanted.length === 1 || given.length === 1) && !wanted.includes(null) && count(wanted) === count(given);
  if (!same && !flat) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      '/dataset_id',
      `The model takes samples of shape ${dimensions(wanted)}; the data set has ${dimensions(given)}.`,
      given,
    );
  }
  if (!dataset.y) refuse('LABELS_REQUIRED', '/dataset_id', 'Training, scoring and evaluation need labels; the data set has no y.', null);
  if (dataset.splits.train === 0) refuse('MODEL_DATASET_MISMATCH', '/dataset_id', 'The data set has no training samples.', dataset.splits);
}

/** A layer that does something in training which is not run keeps jobs that train away, whatever they train. */
function checkTraining(spec: JobSpec, model: ModelFacts): void {
  const untrained = model.warnings.find(({ code }) => code === NOT_TRAINED);
  const trains = spec.type === 'train' || (spec.fine_tuning?.epochs ?? 0) > 0;
  if (untrained && trains) refuse('MODEL_NOT_TRAINABLE', '/model_id', untrained.detail, spec.type);
}

function checkPruningOptions({ pruning }: PruneSpec, fineTuning: Training): void {
  const { structure, target, schedule } = pruning;
  if (structure.type === 'unstructured' && !('sparsity' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      'unstructured pruning only makes zeros, which no runtime skips: its target is sparsity. For macs choose the structure channels.',
      target,
    );
  }
  if (structure.type === 'channels' && !('macs' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      'sparsity is a fraction of zeros, and channels are removed, not zeroed: the target of channels is macs.',
      target,
    );
  }
  if (schedule.type === 'polynomial') {
    if (structure.type !== 'unstructured') {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/pruning/schedule',
        'The polynomial schedule moves masks; channels take one_shot or iterative.',
        schedule,
      );
    }
    if (schedule.begin >= schedule.end) refuse('INCOMPATIBLE_OPTIONS', '/pruning/schedule/begin', 'begin must lie before end.', schedule);
    if (fineTuning.epochs === 0) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/fine_tuning/epochs',
        'The polynomial schedule prunes while the model trains; it needs fine_tuning of at least one epoch.',
        0,
      );
    }
  }
  if (fineTuning.weight_range && (fineTuning.weight_range[0] > 0 || fineTuning.weight_range[1] < 0)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning/weight_range',
      'Pruned weights are zero, so the range must contain zero.',
      fineTuning.weight_range,
    );
  }
}

/** Whether the target can be reached at all, whatever the scores. */
function checkReach({ pruning }: PruneSpec, config: unknown): void {
  const graph = readGraph(config);
  const { target, structure, layers } = pruning;
  if (structure.type === 'unstructured') {
    const kernels = prunableKernels(graph, layers);
    if (kernels.length === 0) refuse('NOTHING_TO_PRUNE', '/pruning/layers', 'No layer with a kernel is left to prune.', layers);
    if (!('sparsity' in target)) return;
    const fault = planFault(kernels, { sparsity: target.sparsity, scope: pruning.scope, overrides: layers.overrides });
    if (fault !== null) refuse('TARGET_OUT_OF_REACH', '/pruning/target/sparsity', fault, target.sparsity);
    return;
  }
  const map = channelMap(graph);
  const groups = selectableGroups(map, layers);
  if (groups.length === 0) {
    const reasons = map.groups.map((group) => `${group.layers.join('+')}: ${group.frozen?.detail ?? 'excluded'}`);
    refuse('NOTHING_TO_PRUNE', '/pruning/layers', `No group of channels may be cut. ${reasons.join('; ')}.`, layers);
  }
  const least = fewestMacs(map, groups, { ...structure, overrides: layers.overrides }) / totalMacs(graph);
  if ('macs' in target && target.macs < least) {
    refuse(
      'TARGET_OUT_OF_REACH',
      '/pruning/target/macs',
      `With every group at its limit ${least.toFixed(4)} of the multiply-accumulates are left. Raise max_ratio, or lower min_channels or round_to.`,
      target.macs,
    );
  }
}

/** A schedule that has no room in the steps there are would end short of its target. */
function checkSteps({ pruning: { schedule } }: PruneSpec, fineTuning: Training, dataset: DatasetFacts): void {
  const all = Math.ceil(dataset.splits.train / fineTuning.batch_size) * fineTuning.epochs;
  const steps = Math.min(all, fineTuning.max_steps ?? all);
  if (schedule.type === 'polynomial' && Math.floor(schedule.end * steps) < 1) {
    refuse(
      'TARGET_OUT_OF_REACH',
      '/pruning/schedule/end',
      `The job has ${steps} steps, so that ${schedule.end} of them is none: the schedule would never prune.`,
      schedule.end,
    );
  }
  if (schedule.type === 'iterative' && fineTuning.epochs > 0 && steps < schedule.rounds) {
    refuse('TARGET_OUT_OF_REACH', '/pruning/schedule/rounds', `The job has ${steps} steps for ${schedule.rounds} rounds.`, schedule.rounds);
  }
}
