/** A whole job: load, train or prune, evaluate once on the test split, measure, export. The supervisor stores and verifies what it leaves behind. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openDataset } from '../dataset/batches.ts';
import { imageForm } from '../dataset/image-form.ts';
import {
  guidingStructure,
  type LossName,
  type MakingSpec,
  type Packing,
  type PruneSpec,
  type Sensitivities,
  type Training,
} from '../jobs/spec/index.ts';
import { atSamples } from '../model/at-samples.ts';
import { asStored, type ModelDocument } from '../model/document.ts';
import type { ModelFormat } from '../model/facts.ts';
import { FORMATS, readModel, writeModel } from '../model/formats/index.ts';
import type { Graph } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import { withPrecision } from '../packing/with-precision.ts';
import { constantLoss } from '../report/constant-loss.ts';
import { inputsInUse } from '../report/inputs-in-use.ts';
import { makeReceipt, type WrittenModel } from '../report/receipt.ts';
import { quality } from '../report/scores.ts';
import { type CutUnits, numberedUnits, type UnitsRemoved, unitsRemoved } from '../report/units-removed.ts';
import type { WeightsRemoved } from '../report/weights-removed.ts';
import type { EngineFrame, OutputFile, RunFrame } from '../worker/frames.ts';
import { isMidRun } from './between-runs.ts';
import { Cancelled } from './cancelled.ts';
import { checkBoth } from './checked.ts';
import { readCheckpoint, type StoredState } from './checkpoint.ts';
import { compareModels } from './compare-models.ts';
import { evaluate, predictorOf } from './evaluate.ts';
import { latencyBatchSizes, measureLatencies } from './latencies.ts';
import { lossOf } from './losses.ts';
import { type OptimizerNumbers, uploadedOptimizer } from './optimizer-export.ts';
import { optimizerRule, resolved } from './optimizers/index.ts';
import { outputFormats } from './output-formats.ts';
import { TrainingPools } from './pool/pools.ts';
import { writeProbe } from './probe.ts';
import { PROBE_SAMPLES, probeInputs } from './probe-inputs.ts';
import { searchesWithinDrop, searchSteps, searchWithinDrop } from './pruning/accuracy-search.ts';
import { planOnly } from './pruning/plan-only.ts';
import { preparationSteps } from './pruning/preparation.ts';
import { reportedTarget, withCountedTarget } from './pruning/targets.ts';
import { followsRecipe, placesOf } from './recipe/places.ts';
import { runRecipe } from './recipe/run-recipe.ts';
import { refuseDiverged } from './refuse-diverged.ts';
import { Reporter } from './reporter.ts';
import { writeWithRoom } from './room.ts';
import { type AfterCut, NO_WARMUP, stepsPerEpoch, TrainingRun, type TrainingRunParts, totalStepsOf, tuningStepsOf } from './run/index.ts';
import { packingOf, trainOrCut } from './train-or-cut.ts';
import { tryCuts } from './try-cuts.ts';
import { Variables } from './variables.ts';

export interface JobContext {
  emit(frame: EngineFrame): void;
  cancelled(): boolean;
  /** Asked between steps: a checkpoint is written, and the job unwinds with Paused. */
  pauseRequested(): boolean;
}

/** Runs a job to its `finished` frame. Throws Problem with the code the job fails with, and Cancelled. */
export async function runJob(frame: RunFrame, context: JobContext): Promise<void> {
  const { spec } = frame;
  if (spec.type === 'evaluate') return compareModels(frame, spec, context);
  if (spec.type === 'sensitivity') return tryCuts(frame, spec, context);
  if (spec.type === 'compare') throw new Error('A comparison is made of other jobs and has none of its own for an engine');
  const options = { optimizer: trainingOf(spec).initial_optimizer_state === 'model' };
  const uploaded = atSamples(await readModel(frame.model_path, options), sampleOf(frame));
  const data = openDataset(frame.dataset.files, frame.dataset.facts);
  try {
    const models = { uploaded, teacher: await teacherOf(spec, frame, uploaded), rewindTo: await rewindTo(frame) };
    await run(frame, context, spec, models, data);
  } finally {
    data.close();
  }
}

interface Models {
  uploaded: ModelDocument;
  /** The uploaded model where no other is named. */
  teacher: ModelDocument;
  /** What survivors of a cut go back to, where that is a model. */
  rewindTo: ModelDocument | null;
}

async function teacherOf(spec: MakingSpec, frame: RunFrame, uploaded: ModelDocument): Promise<ModelDocument> {
  const id = trainingOf(spec).distillation?.teacher_model_id ?? null;
  return id === null || id === spec.model_id ? uploaded : furtherModel(frame, id);
}

async function rewindTo(frame: RunFrame): Promise<ModelDocument | null> {
  const { spec } = frame;
  if (spec.type !== 'prune' || spec.pruning.schedule.type !== 'rewind') return null;
  const { rewind_to: to } = spec.pruning.schedule;
  return to && 'model_id' in to ? furtherModel(frame, to.model_id) : null;
}

/** Another model that the specification names, at the data's samples. */
async function furtherModel(frame: RunFrame, id: string): Promise<ModelDocument> {
  return atSamples(await readModel(frame.further_models[id]!), sampleOf(frame));
}

/** The shape of one of the data's samples. */
const sampleOf = ({ dataset }: RunFrame): readonly number[] => dataset.facts.x.shape;

async function run(
  frame: RunFrame,
  context: JobContext,
  spec: MakingSpec,
  { uploaded: original, teacher, rewindTo }: Models,
  data: Dataset,
): Promise<void> {
  const training = trainingOf(spec);
  const plans = spec.type === 'prune' && spec.pruning.plan_only ? spec : null;
  const packing = packingOf(spec);
  const tuning = packing ? packing.tuning : null;
  const recipe = spec.type === 'prune' && followsRecipe(spec) ? spec : null;
  const within = spec.type === 'prune' && !recipe && searchesWithinDrop(spec) ? spec : null;
  const prepared = spec.type === 'prune' ? preparationSteps(spec) : 0;
  const trained = within ? searchSteps(within, data, training) : prepared + totalStepsOf(data, training);
  const steps = recipe ? placesOf(recipe, data, training).end : trained + tuningStepsOf(data, training, tuning);
  const reporter = new Reporter(context.emit, plans ? 0 : steps);
  reporter.expect({
    stepsPerEpoch: stepsPerEpoch(data, training.batch_size),
    validationSamples: data.split('selection').size,
    evaluationSamples: 2 * data.split('test').size + data.split('selection').size,
    latencyBatchSizes: latencyBatchSizes(spec.evaluation),
    exportBytes: statSync(frame.model_path).size,
  });
  reporter.enter('loading');
  const resumed = frame.resume_path === null ? null : readResume(frame.resume_path, reporter);
  const parts = {
    document: original,
    teacher,
    initialOptimizer: isMidRun(resumed) && !within ? null : initialOptimizer(original, training, reporter),
    data,
    pools: new TrainingPools(data),
    training,
    seed: spec.seed,
    reporter,
    scratch: frame.scratch,
    checkpointIntervalSeconds: frame.checkpoint_interval_s,
    cancelled: context.cancelled,
    pauseRequested: context.pauseRequested,
    afterCut: afterCutOf(spec),
    regularization: regularizationOf(spec),
    tuning,
    rate: packing?.rate ?? null,
  };
  const loss = lossOf(training.loss, training);
  const checkCancelled = (): void => {
    if (context.cancelled()) throw new Cancelled();
  };
  const evaluated = (document: ModelDocument, split: 'selection' | 'test') => {
    const weights = Variables.from(document.weights);
    try {
      const predict = predictorOf(document.graph, (key) => weights.read(key), data, loss);
      return evaluate(predict, document.graph, data, split, loss, training, checkCancelled);
    } finally {
      weights.dispose();
    }
  };
  if (plans) return leavePlan(frame, context, plans, parts);
  const selected = data.split('selection').size > 0 ? (document: ModelDocument) => evaluated(document, 'selection') : null;
  const structure = spec.type === 'prune' ? guidingStructure(spec.pruning) : null;
  const searching = {
    resumed,
    sensitivity: structure && (frame.sensitivities?.[structure] ?? null),
    onSensitivity(measured: Sensitivities) {
      if (structure) context.emit({ kind: 'sensitivity', structure, measured });
    },
    evaluated: (document: ModelDocument) => evaluated(document, 'selection'),
  };
  const made = recipe
    ? await runRecipe(recipe, parts, { ...searching, planPath: frame.plan_path })
    : within
      ? await searchWithinDrop(within, parts, searching)
      : await trainOrCut(spec, parts, { resumed, rewindTo, planPath: frame.plan_path, evaluated: selected });
  // What is measured is what files will hold.
  const result = asStored(packing?.precision ? narrowed(made.document, packing.precision, reporter) : made.document);
  refuseDiverged(original, result, data);
  const formats = outputFormats(spec, original);

  reporter.enter('evaluating');
  const selection = selected && quality(selected(result));
  const packed = packing ? { packing: { ...made.packing, result: { selection } } } : {};
  const hasTest = data.split('test').size > 0;
  const { evaluation, seed } = spec;
  const tested = hasTest ? checkBoth(original, result, { data, loss, asked: training, evaluation, seed, reporter, checkCancelled }) : null;

  reporter.enter('measuring');
  const latency = measureLatencies(original, result, data, latencyBatchSizes(spec.evaluation), spec.seed, checkCancelled);

  reporter.enter('exporting');
  const { receipt, files } = await makeReceipt({
    original,
    result,
    uploadedBytes: statSync(frame.model_path).size,
    formats,
    smallest: packing !== null || formats.includes('esp'),
    scores: tested?.scores ?? null,
    testGiven: data.facts.test_given,
    latency,
    seed: spec.seed,
    maxAccuracyDrop: spec.evaluation.max_accuracy_drop,
  });
  const outputs = await exportModel(frame, files, result, data);
  const removed = tellRemoved(frame, made.cuts, outputs);
  for (const { label, document } of made.further) outputs.push(await exportFurther(frame, label, document, formats[0], data));
  reporter.flush();
  const counted = spec.type === 'prune' && !within && !recipe ? reportedTarget(spec, original, result, receipt) : null;
  const target = made.target || counted ? { ...counted, ...made.target } : null;
  context.emit({
    kind: 'finished',
    result: {
      ...(target ? { target, cuts: made.cuts.map(withoutScores) } : {}),
      ...removed,
      ...(spec.type === 'prune' ? { inputs_in_use: inputsInUse(result, imageForm(data.facts, original.graph.inputs[0]!.shape)) } : {}),
      training: made.training,
      ...packed,
      ...(made.recipe ? { recipe: made.recipe } : {}),
      inputs: inputsOf(data),
      ...(selection ? { selection: { ...selection, constant_loss: constantLossOf(data, loss.name, result.graph) } } : {}),
      receipt,
      ...(tested ? { checks: tested.checks } : {}),
      seconds: reporter.seconds(),
    },
    outputs,
  });
}

function withoutScores({ unit_scores: _, weight_scores: __, ...cut }: Record<string, unknown>): Record<string, unknown> {
  return cut;
}

/** What went, by which scores; the units of large models are one by one in a file of their own. */
function tellRemoved(
  { scratch }: RunFrame,
  cuts: readonly Record<string, unknown>[],
  outputs: OutputFile[],
): { units?: UnitsRemoved; weights?: WeightsRemoved } {
  const weights = cuts.findLast(({ weight_scores: scores }) => scores)?.weight_scores as WeightsRemoved | undefined;
  if (weights) return { weights };
  const numbered = numberedUnits(cuts.flatMap(({ unit_scores: units }) => (units ? [units as CutUnits[]] : [])));
  if (numbered.length === 0) return {};
  const told = unitsRemoved(numbered);
  if (told.units === null) {
    const path = join(scratch, 'units.json');
    writeWithRoom(path, () => [Buffer.from(JSON.stringify({ units: numbered }))]);
    outputs.push({ role: 'units', format: 'json', path, probe_path: null });
  }
  return { units: told };
}

/** The end of a job that only plans. */
async function leavePlan(frame: RunFrame, context: JobContext, spec: PruneSpec, parts: TrainingRunParts): Promise<void> {
  const { reporter, document, data, scratch } = parts;
  const sha256 = createHash('sha256').update(readFileSync(frame.model_path)).digest('hex');
  const run = new TrainingRun(parts);
  try {
    reporter.started(null);
    const { plan, cut } = await planOnly(await withCountedTarget(spec, document), run, parts, sha256);
    reporter.enter('exporting');
    const path = join(scratch, 'plan.json');
    writeWithRoom(path, () => [Buffer.from(JSON.stringify(plan))]);
    reporter.flush();
    const outputs: OutputFile[] = [{ role: 'plan', format: 'json', path, probe_path: null }];
    const removed = tellRemoved(frame, [cut], outputs);
    context.emit({
      kind: 'finished',
      result: { plan_only: true, cuts: [withoutScores(cut)], ...removed, inputs: inputsOf(data), seconds: reporter.seconds() },
      outputs,
    });
  } finally {
    run.dispose();
  }
}

/** What stored samples went through: an exported model expects inputs that went through the same. */
function inputsOf({ facts: { x } }: Dataset): Record<string, unknown> {
  const { scale, standardize = 'none', mean = null, std = null } = x;
  return { scale, standardize, mean, std };
}

/** What answering every sample of the selection split alike comes to. */
function constantLossOf(data: Dataset, loss: LossName, { outputs: [output] }: Graph): number | null {
  const shape = data.facts.y?.shape ?? [];
  const outputs = size(output!.shape);
  const labels = data.labels('selection', 0, data.split('selection').size);
  return constantLoss(loss, labels, shape.at(-1) ?? 1, shape.length === 0 && outputs > 1 ? outputs : null);
}

function initialOptimizer(document: ModelDocument, training: Training, reporter: Reporter): OptimizerNumbers | null {
  if (training.initial_optimizer_state === 'fresh') return null;
  const found = uploadedOptimizer(document, training, optimizerRule(resolved(training.optimizer)));
  if (typeof found !== 'string') return found;
  reporter.warn('OPTIMIZER_STATE_NOT_FOUND', `Training begins with a fresh optimizer: ${found}.`);
  return null;
}

function afterCutOf(spec: MakingSpec): AfterCut {
  if (spec.type !== 'prune') return NO_WARMUP;
  const { learning_rate_warmup_steps, threshold_warmup } = spec.pruning.after_cut;
  return { learningRateSteps: learning_rate_warmup_steps, thresholds: threshold_warmup };
}

function regularizationOf(spec: MakingSpec): TrainingRunParts['regularization'] {
  if (spec.type !== 'prune' || !spec.pruning.regularization) return null;
  return { spec: spec.pruning.regularization, layers: spec.pruning.layers };
}

function trainingOf(spec: MakingSpec): Training {
  if (spec.type === 'train') return spec.training;
  if (!spec.fine_tuning) throw new Error('fine_tuning is still null; it is resolved when the job is posted');
  return spec.fine_tuning;
}

function narrowed(document: ModelDocument, precision: NonNullable<Packing['precision']>, reporter: Reporter): ModelDocument {
  const { document: made, tooLarge } = withPrecision(document, precision);
  if (tooLarge.length > 0) {
    reporter.warn('PRECISION_TOO_SMALL', `${tooLarge.join(', ')} hold numbers that ${precision} has no room for, and stay float32.`);
  }
  return made;
}

function readResume(path: string, reporter: Reporter): StoredState | null {
  const stored = readCheckpoint(path);
  if (!stored) reporter.warn('CHECKPOINT_FORMAT_UNKNOWN', 'The newest checkpoint was written by another version; the job starts over.');
  return stored;
}

/** A model that is not the result: in one format, with a probe of its own. */
async function exportFurther(
  frame: RunFrame,
  label: string,
  document: ModelDocument,
  format: ModelFormat,
  data: Dataset,
): Promise<OutputFile> {
  const [path, probe, predictions] = [FORMATS[format].extension, '-probe.safetensors', '-predictions.npz'].map((ending) =>
    join(frame.scratch, `${label}${ending}`),
  ) as [string, string, string];
  const bytes = await writeModel(document, format);
  writeWithRoom(path, () => [bytes]);
  const inputs = probeInputs(data, document, PROBE_SAMPLES);
  await writeProbe({ probe, predictions }, document, [inputs]);
  inputs.dispose();
  return { role: 'model', format, path, probe_path: probe, label };
}

async function exportModel(frame: RunFrame, files: readonly WrittenModel[], result: ModelDocument, data: Dataset): Promise<OutputFile[]> {
  const probe = join(frame.scratch, 'probe.safetensors');
  const predictions = join(frame.scratch, 'predictions.npz');
  const models = files.map(({ format, bytes }): OutputFile => {
    const path = join(frame.scratch, `model${FORMATS[format].extension}`);
    writeWithRoom(path, () => [bytes]);
    return { role: 'model', format, path, probe_path: probe };
  });
  const inputs = probeInputs(data, result, PROBE_SAMPLES);
  await writeProbe({ probe, predictions }, result, [inputs]);
  inputs.dispose();
  return [...models, { role: 'predictions', format: 'npz', path: predictions, probe_path: null }];
}
