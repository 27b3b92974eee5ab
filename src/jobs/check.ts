/** What can be known before a job runs is refused with the POST, and every `auto` becomes the value in force. */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { JobWarning } from '../ledger/ledger.ts';
import { MASKED_OUTPUT, type ModelFacts, NOT_TRAINED } from '../model/facts.ts';
import { fillDefaults } from '../schema.ts';
import { checkBytes } from './check-bytes.ts';
import { checkCompare } from './check-compare.ts';
import { checkDistillation, type FurtherModels } from './check-distillation.ts';
import { checkEvaluation } from './check-evaluation.ts';
import { checkModelsAlike } from './check-models-alike.ts';
import { resolveOutput } from './check-output.ts';
import { resolvePacking } from './check-packing.ts';
import { checkPruning } from './check-pruning/index.ts';
import { checkRecipe, resolveBudget } from './check-recipe.ts';
import { checkSensitivity } from './check-sensitivity.ts';
import { type CheckedModel, resolveTraining } from './check-training.ts';
import { modelAtSamples, takesSamples } from './models-at-samples.ts';
import { dimensions, refuse } from './refuse.ts';
import { codesWeights, type JobSpec, type MakingSpec, type Packing, Training } from './spec/index.ts';

export type { FurtherModels } from './check-distillation.ts';
export type { CheckedModel } from './check-training.ts';

/** A specification that can run, and what the caller should know of it. */
export interface CheckedJob {
  spec: JobSpec;
  warnings: JobWarning[];
}

/**
 * The specification with every `auto` resolved. `further` holds the models that `furtherModels` names.
 * Throws Problem: MODEL_DATASET_MISMATCH, MODEL_NOT_TRAINABLE, LABELS_REQUIRED, UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS, TARGET_OUT_OF_REACH, NOTHING_TO_PRUNE,
 * PLAN_MISMATCH, UNSUPPORTED_CONVERSION.
 */
export async function checkJob(
  spec: JobSpec,
  model: CheckedModel,
  dataset: DatasetFacts,
  further: FurtherModels = new Map(),
): Promise<CheckedJob> {
  checkData(model.facts, dataset, spec);
  if (spec.type === 'evaluate') checkData(further.get(spec.candidate_model_id)!.facts, dataset, spec, '/candidate_model_id');
  const { shape } = dataset.x;
  const own = await modelAtSamples(model, shape, '/dataset_id');
  const others = await Promise.all(
    [...further].map(async ([id, other]) => [id, await modelAtSamples(other, shape, '/dataset_id')] as const),
  );
  return checkAtSamples(spec, own, dataset, new Map(others));
}

/** `checkJob` with the data and models that go together, the latter at the data's samples. */
async function checkAtSamples(spec: JobSpec, model: CheckedModel, dataset: DatasetFacts, further: FurtherModels): Promise<CheckedJob> {
  const warnings: JobWarning[] = [];
  if (spec.type === 'evaluate') {
    return { spec: await checkModelsAlike(spec, model, dataset, further, (warning) => warnings.push(warning)), warnings };
  }
  if (spec.type === 'sensitivity') {
    return { spec: await checkSensitivity(spec, model, dataset, (warning) => warnings.push(warning)), warnings };
  }
  if (spec.type === 'compare') {
    const warn = (warning: JobWarning) => warnings.push(warning);
    return { spec: await checkCompare(spec, model, dataset, further, { check: checkJob, warn }), warnings };
  }
  const resolve = (training: Training, pointer: string): Promise<Training> =>
    resolveTraining(training, {
      pointer,
      small: spec.type === 'prune' || spec.packing !== null,
      model,
      dataset,
      warn: (warning) => warnings.push(warning),
    });
  warnings.push(...checkTraining(spec, model.facts));
  if (spec.packing?.clusters === 'auto' && spec.packing.max_bytes !== null)
    await checkBytes(spec.packing.max_bytes, '/packing/max_bytes', model.readConfig);
  const output = resolveOutput(spec.output, model.facts, (warning) => warnings.push(warning));
  if (spec.type === 'train') {
    if (spec.training.epochs === 0 && !spec.packing) {
      refuse('INCOMPATIBLE_OPTIONS', '/training/epochs', 'A train job needs at least one epoch, or a packing.', 0);
    }
    const training = await resolve(spec.training, '/training');
    const packing = spec.packing && resolvePacking(spec.packing, { training, at: '/training' }, model.facts);
    const { distillation } = training;
    if (distillation && [null, spec.model_id].includes(distillation.teacher_model_id) && tuningEpochs(packing) === 0) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/training/distillation/teacher_model_id',
        'The teacher is the uploaded model, and a train job would be taught by what it begins with. Accepted: another model, or a packing that is tuned.',
        distillation.teacher_model_id,
      );
    }
    const evaluation = await checkEvaluation(spec.evaluation, training.loss, [model], dataset);
    await checkDistillation(withTuning(training, packing), '/training', model, further);
    return { spec: { ...spec, evaluation, output, training, packing }, warnings };
  }
  checkRecipe(spec);
  const fineTuning = await resolve(spec.fine_tuning ?? fillDefaults(Training, { epochs: 0 }), '/fine_tuning');
  const evaluation = await checkEvaluation(spec.evaluation, fineTuning.loss, [model], dataset);
  const packing = spec.packing && resolvePacking(spec.packing, { training: fineTuning, at: '/fine_tuning' }, model.facts);
  if (spec.recipe) {
    const target = await resolveBudget(spec, fineTuning, tuningEpochs(packing), model, dataset);
    await checkDistillation(withTuning(fineTuning, packing), '/fine_tuning', model, further);
    const alone = { ...spec, packing: null };
    const pruning = await checkPruning(alone, fineTuning, { model, dataset, further }, (warning) => warnings.push(warning));
    return { spec: { ...spec, evaluation, output, target, pruning, fine_tuning: fineTuning, packing }, warnings };
  }
  await checkDistillation(withTuning(fineTuning, packing), '/fine_tuning', model, further);
  const pruning = await checkPruning(spec, fineTuning, { model, dataset, further }, (warning) => warnings.push(warning));
  if (packing && pruning.plan_only) {
    refuse('INCOMPATIBLE_OPTIONS', '/packing', 'A job that only plans makes no model that could be packed. Accepted: null.', packing);
  }
  for (const option of ['thresholds', 'robustness'] as const) {
    if (!evaluation[option] || !pruning.plan_only) continue;
    const detail = 'A job that only plans makes no model that could be measured. Accepted: null.';
    refuse('INCOMPATIBLE_OPTIONS', `/evaluation/${option}`, detail, evaluation[option]);
  }
  return { spec: { ...spec, evaluation, output, pruning, fine_tuning: fineTuning, packing }, warnings };
}

/** The data's samples must be what the model takes, give or take axes of length one and flattening; one input, one output. */
function checkData(model: ModelFacts, dataset: DatasetFacts, spec: JobSpec, at = '/model_id'): void {
  const [input] = model.inputs;
  const [output] = model.outputs;
  if (model.inputs.length !== 1 || model.outputs.length !== 1 || !input || !output) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      at,
      `The model has ${model.inputs.length} inputs and ${model.outputs.length} outputs; jobs take models with one of each. It can be predicted with, inspected and converted as it is.`,
      [...model.inputs.map(({ name }) => name), ...model.outputs.map(({ name }) => name)],
    );
  }
  const masked = model.warnings.find(({ code }) => code === MASKED_OUTPUT);
  if (masked) {
    const accepted = 'an output without a mask, as behind GlobalAveragePooling1D or a recurrent layer without return_sequences';
    refuse('MODEL_NOT_TRAINABLE', at, `${masked.detail} Accepted: ${accepted}.`, output.name);
  }
  const wanted = input.shape.slice(1);
  const given = dataset.x.shape;
  if (!takesSamples(wanted, given)) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      at === '/model_id' ? '/dataset_id' : at,
      `The model takes samples of shape ${dimensions(wanted)}; the data set has ${dimensions(given)}.`,
      given,
    );
  }
  if (!dataset.y) refuse('LABELS_REQUIRED', '/dataset_id', 'Training, scoring and evaluation need labels; the data set has no y.', null);
  if (dataset.splits.train === 0 && spec.type !== 'evaluate')
    refuse('MODEL_DATASET_MISMATCH', '/dataset_id', 'The data set has no training samples.', dataset.splits);
}

/** A layer that does something in training which is not run keeps jobs that train away, whatever they train. */
/** Throws Problem MODEL_NOT_TRAINABLE; returns what of the model a training leaves out. */
function checkTraining(spec: MakingSpec, model: ModelFacts): JobWarning[] {
  const untrained = model.warnings.find(({ code }) => code === NOT_TRAINED);
  const trains = (spec.type === 'train' ? spec.training.epochs : (spec.fine_tuning?.epochs ?? 0)) > 0 || tunes(spec);
  if (untrained && trains) refuse('MODEL_NOT_TRAINABLE', '/model_id', untrained.detail, spec.type);
  return trains ? model.warnings.filter(({ code }) => LEFT_OUT.includes(code)) : [];
}

const LEFT_OUT = ['REGULARIZER_NOT_APPLIED', 'CONSTRAINT_NOT_APPLIED'];

function tunes({ packing }: MakingSpec): boolean {
  return packing !== null && packing.tuning.epochs !== 0 && codesWeights(packing);
}

/** Epochs of training behind a resolved packing. */
function tuningEpochs(packing: Packing | null): number {
  return packing && codesWeights(packing) ? packing.tuning.epochs! : 0;
}

/** The training with as many epochs as it has with those of its packing, in which a teacher teaches as well. */
function withTuning(training: Training, packing: Packing | null): Training {
  return { ...training, epochs: training.epochs + tuningEpochs(packing) };
}
