/** A whole job: load, train or prune, evaluate once on the test split, measure, export. The supervisor stores and verifies what it leaves behind. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openDataset } from '../dataset/batches.ts';
import type { JobSpec, Packing, Plan, PruneSpec, Training } from '../jobs/spec/index.ts';
import { asStored, type ModelDocument } from '../model/document.ts';
import type { ModelFormat } from '../model/facts.ts';
import { FORMATS, readModel, writeModel } from '../model/formats/index.ts';
import { withPrecision } from '../packing/with-precision.ts';
import { readPlan } from '../pruning/plan-file.ts';
import type { LatencyComparison } from '../report/latency.ts';
import { makeReceipt, type WrittenModel } from '../report/receipt.ts';
import { quality } from '../report/scores.ts';
import type { EngineFrame, OutputFile, RunFrame } from '../worker/frames.ts';
import { Cancelled } from './cancelled.ts';
import { readCheckpoint, type StoredState } from './checkpoint.ts';
import { evaluate, predictorOf } from './evaluate.ts';
import { measureLatency } from './latency.ts';
import { lossOf } from './losses.ts';
import { type OptimizerNumbers, uploadedOptimizer } from './optimizer-export.ts';
import { optimizerRule, resolved } from './optimizers/index.ts';
import { outputFormats } from './output-formats.ts';
import { runPacking } from './packing/run-packing.ts';
import { writeProbe } from './probe.ts';
import { probeInputs } from './probe-inputs.ts';
import { searchesWithinDrop, searchSteps, searchWithinDrop } from './pruning/accuracy-search.ts';
import {
  type EvolutionOptions,
  type EvolutionState,
  evolutionReport,
  evolve,
  generationSteps,
  guidedByEvolution,
  searchOf,
} from './pruning/evolution-search.ts';
import { planOnly } from './pruning/plan-only.ts';
import { runPruning } from './pruning/run-pruning.ts';
import { asTargeted, reportedTarget, withCountedTarget } from './pruning/targets.ts';
import { Reporter } from './reporter.ts';
import {
  type AfterCut,
  NO_WARMUP,
  stepsPerEpoch,
  TrainingRun,
  type TrainingRunParts,
  totalStepsOf,
  tuningStepsOf,
} from './training-run.ts';
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
  const uploaded = await readModel(frame.model_path, { optimizer: trainingOf(spec).initial_optimizer_state === 'model' });
  const data = openDataset(frame.dataset.files, frame.dataset.facts);
  try {
    const models = { uploaded, teacher: await teacherOf(frame, uploaded), rewindTo: await rewindTo(frame) };
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

async function teacherOf({ spec, further_models }: RunFrame, uploaded: ModelDocument): Promise<ModelDocument> {
  const id = trainingOf(spec).distillation?.teacher_model_id ?? null;
  return id === null || id === spec.model_id ? uploaded : readModel(further_models[id]!);
}

async function rewindTo({ spec, further_models }: RunFrame): Promise<ModelDocument | null> {
  if (spec.type !== 'prune' || spec.pruning.schedule.type !== 'rewind') return null;
  const { rewind_to: to } = spec.pruning.schedule;
  return to && 'model_id' in to ? readModel(further_models[to.model_id]!) : null;
}

async function run(
  frame: RunFrame,
  context: JobContext,
  spec: JobSpec,
  { uploaded: original, teacher, rewindTo }: Models,
  data: Dataset,
): Promise<void> {
  const training = trainingOf(spec);
  const onlyPlans = spec.type === 'prune' && spec.pruning.plan_only;
  const packing = packingOf(spec);
  const tuning = packing ? packing.tuning : null;
  const within = spec.type === 'prune' && searchesWithinDrop(spec) ? spec : null;
  const searched = spec.type === 'prune' ? generationSteps(spec) : 0;
  const trained = within ? searchSteps(within, data, training) : searched + totalStepsOf(data, training);
  const reporter = new Reporter(context.emit, onlyPlans ? 0 : trained + tuningStepsOf(data, training, tuning));
  reporter.expect({
    stepsPerEpoch: stepsPerEpoch(data, training.batch_size),
    validationSamples: data.split('selection').size,
    evaluationSamples: 2 * data.split('test').size,
    latencyBatchSizes: [...new Set([1, spec.evaluation.latency_batch_size])],
    exportBytes: statSync(frame.model_path).size,
  });
  reporter.enter('loading');
  const resumed = frame.resume_path === null ? null : readResume(frame.resume_path, reporter);
  const parts = {
    document: original,
    teacher,
    initialOptimizer: isMidRun(resumed) && !within ? null : initialOptimizer(original, training, reporter),
    data,
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
  const made = within
    ? await searchWithinDrop(within, parts, {
        resumed,
        sensitivity: frame.sensitivity ?? null,
        onSensitivity: (measured) => context.emit({ kind: 'sensitivity', measured }),
        evaluated: (document) => evaluated(document, 'selection'),
      })
    : await trainOrCut(frame, context, parts, {
        resumed,
        rewindTo,
        evaluated: data.split('selection').size > 0 ? (document) => evaluated(document, 'selection') : null,
      });
  if (made === null) return;
  // What is measured is what files will hold.
  const result = asStored(packing?.precision ? narrowed(made.document, packing.precision, reporter) : made.document);
  const formats = outputFormats(spec, original);

  reporter.enter('evaluating');
  const selected = data.split('selection').size > 0 ? (document: ModelDocument) => evaluated(document, 'selection') : null;
  const packed = packing ? { packing: { ...made.packing, result: { selection: selected && quality(selected(result)) } } } : {};
  const hasTest = data.split('test').size > 0;
  const tested = hasTest ? { original: evaluated(original, 'test'), result: evaluated(result, 'test') } : null;

  reporter.enter('measuring');
  const latency: LatencyComparison[] = [];
  for (const batchSize of new Set([1, spec.evaluation.latency_batch_size])) {
    checkCancelled();
    const inputs = probeInputs(data, original, batchSize);
    latency.push(measureLatency(original, result, inputs, spec.seed));
    inputs.dispose();
  }

  reporter.enter('exporting');
  const { receipt, files } = await makeReceipt({
    original,
    result,
    uploadedBytes: statSync(frame.model_path).size,
    formats,
    smallest: packing !== null || formats.includes('esp'),
    scores: tested,
    testGiven: data.facts.test_given,
    latency,
    seed: spec.seed,
    maxAccuracyDrop: spec.evaluation.max_accuracy_drop,
  });
  const outputs = await exportModel(frame, files, result, data);
  for (const { label, document } of made.further) outputs.push(await exportFurther(frame, label, document, formats[0], data));
  reporter.flush();
  const counted = spec.type === 'prune' && !within ? reportedTarget(spec, original, result, receipt) : null;
  const target = made.target || counted ? { ...counted, ...made.target } : null;
  context.emit({
    kind: 'finished',
    result: {
      ...(target ? { target, cuts: made.cuts } : {}),
      training: made.training,
      ...packed,
      inputs: inputsOf(data),
      receipt,
      seconds: reporter.seconds(),
    },
    outputs,
  });
}

/** What a job has come to before it is measured. */
interface Made {
  document: ModelDocument;
  cuts: unknown;
  training: unknown;
  /** What packing says of itself, of a job whose weights were packed. */
  packing: Record<string, unknown> | null;
  /** What is to be said of it besides what is counted on the export; null where nothing is. */
  target: Record<string, unknown> | null;
  further: { label: string; document: ModelDocument }[];
}

/** One training, with the cuts of a `prune` job; null where the job has left a plan instead and is over. */
async function trainOrCut(
  frame: RunFrame,
  context: JobContext,
  parts: TrainingRunParts,
  { resumed, rewindTo, evaluated }: { resumed: StoredState | null; rewindTo: ModelDocument | null } & Pick<EvolutionOptions, 'evaluated'>,
): Promise<Made | null> {
  const { spec } = frame;
  const { reporter, document: original } = parts;
  const searched = spec.type === 'prune' && searchOf(spec) ? await searchedRatios(spec, parts, { resumed, evaluated }) : null;
  const under = isMidRun(resumed) ? resumed : null;
  const beside = searched ? { beside: { kept: () => ({ state: searched, arrays: new Map() }), severalRuns: false } } : {};
  const trainingRun = new TrainingRun({ ...parts, ...beside }, under);
  try {
    if (!searched) reporter.started(under ? trainingRun.state.step : null);
    if (spec.type === 'prune' && spec.pruning.plan_only) {
      await leavePlan(frame, context, spec, trainingRun, parts);
      return null;
    }
    if (trainingRun.state.packed !== null) reporter.enter('training', trainingRun.state.step);
    else if (spec.type === 'train') {
      reporter.enter('training', trainingRun.state.step);
      if (!under) keepZeros(trainingRun, reporter);
      trainingRun.train(trainingRun.totalSteps);
    } else {
      const plan = await planOf(spec, frame);
      const counted = plan ? spec : await withCountedTarget(spec, original);
      await runPruning(counted, trainingRun, parts, {
        resumed: under !== null,
        plan,
        rewindTo,
        guidance: searched && guidedByEvolution(searched),
      });
    }
    const packing = packingOf(spec);
    if (packing && (packing.clusters !== null || packing.quantization !== null)) {
      const measure = (document: ModelDocument) => (evaluated ? quality(evaluated(document)) : null);
      await runPacking({ packing, run: trainingRun, parts, format: outputFormats(spec, original)[0], measure });
    }
    const trained = trainingRun.result();
    return {
      document: spec.type === 'prune' ? await asTargeted(spec, original, trained) : trained,
      cuts: trainingRun.state.cuts,
      training: trainingRun.summary(),
      packing: trainingRun.state.packed?.report ?? null,
      target: spec.type === 'prune' && searched ? { search: evolutionReport(spec, searched) } : null,
      further: [],
    };
  } finally {
    trainingRun.dispose();
  }
}

/** The search that comes before the cut: what is left of it, or what it had found where the job was interrupted behind it. */
async function searchedRatios(
  spec: PruneSpec,
  parts: TrainingRunParts,
  { resumed, evaluated }: { resumed: StoredState | null } & Pick<EvolutionOptions, 'evaluated'>,
): Promise<EvolutionState> {
  const { reporter } = parts;
  const stored = (resumed?.state as { run: { step: number } | null; beside: EvolutionState } | undefined) ?? null;
  const isOver = stored !== null && stored.run !== null;
  const generations = generationSteps(spec);
  reporter.startAt(isOver ? generations : 0);
  reporter.started(stored ? (stored.run?.step ?? stored.beside.history.length - 1) : null);
  const state = isOver ? stored.beside : await evolve(spec, parts, { resumed: stored?.beside ?? null, evaluated });
  reporter.startAt(generations);
  return state;
}

/** Whether a checkpoint is from within a training, rather than from between two. */
function isMidRun(resumed: StoredState | null): boolean {
  return resumed !== null && (resumed.state as { run: unknown }).run !== null;
}

/** The plan that the job replays; null where its cuts are scored. */
async function planOf({ pruning: { plan } }: PruneSpec, frame: RunFrame): Promise<Plan | null> {
  if (!plan) return null;
  const { job_id: job, ...inline } = plan;
  if (job === undefined) return inline;
  if (!frame.plan_path) throw new Error(`The plan of ${job} came with no path`);
  return readPlan(frame.plan_path);
}

/** The end of a job that only plans. */
async function leavePlan(frame: RunFrame, context: JobContext, spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Promise<void> {
  const { reporter, document, data, scratch } = parts;
  const sha256 = createHash('sha256').update(readFileSync(frame.model_path)).digest('hex');
  const { plan, cut } = await planOnly(await withCountedTarget(spec, document), run, parts, sha256);
  reporter.enter('exporting');
  const path = join(scratch, 'plan.json');
  writeFileSync(path, JSON.stringify(plan));
  reporter.flush();
  context.emit({
    kind: 'finished',
    result: { plan_only: true, cuts: [cut], inputs: inputsOf(data), seconds: reporter.seconds() },
    outputs: [{ role: 'plan', format: 'json', path, probe_path: null }],
  });
}

/** What stored samples went through: an exported model expects inputs that went through the same. */
function inputsOf({ facts: { x } }: Dataset): Record<string, unknown> {
  const { scale, standardize = 'none', mean = null, std = null } = x;
  return { scale, standardize, mean, std };
}

/** Zeros that are there stay, as the caller of a job that does not speak of pruning should know. */
function keepZeros(run: TrainingRun, reporter: Reporter): void {
  const masks = run.zerosThatStay();
  if (masks.size === 0) return;
  run.setMasks(masks);
  const zeros = [...masks.values()].reduce((sum, mask) => mask.reduce((count, lives) => count + (lives ? 0 : 1), sum), 0);
  reporter.warn(
    'ZEROS_KEPT',
    `${zeros} kernel weights in ${[...masks.keys()].join(', ')} are 0 and stay 0; set keep_zeros to false where they should be trained.`,
  );
}

function initialOptimizer(document: ModelDocument, training: Training, reporter: Reporter): OptimizerNumbers | null {
  if (training.initial_optimizer_state === 'fresh') return null;
  const found = uploadedOptimizer(document, training, optimizerRule(resolved(training.optimizer)));
  if (typeof found !== 'string') return found;
  reporter.warn('OPTIMIZER_STATE_NOT_FOUND', `Training begins with a fresh optimizer: ${found}.`);
  return null;
}

function afterCutOf(spec: JobSpec): AfterCut {
  if (spec.type !== 'prune') return NO_WARMUP;
  const { learning_rate_warmup_steps, threshold_warmup } = spec.pruning.after_cut;
  return { learningRateSteps: learning_rate_warmup_steps, thresholds: threshold_warmup };
}

function regularizationOf(spec: JobSpec): TrainingRunParts['regularization'] {
  if (spec.type !== 'prune' || !spec.pruning.regularization) return null;
  return { spec: spec.pruning.regularization, layers: spec.pruning.layers };
}

function trainingOf(spec: JobSpec): Training {
  if (spec.type === 'train') return spec.training;
  if (!spec.fine_tuning) throw new Error('fine_tuning is still null; it is resolved when the job is posted');
  return spec.fine_tuning;
}

function packingOf({ packing }: JobSpec): Packing | null {
  // A job that was posted before there was packing says nothing.
  return (packing as Packing | null | undefined) ?? null;
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
  writeFileSync(path, await writeModel(document, format));
  const inputs = probeInputs(data, document, 64);
  await writeProbe({ probe, predictions }, document, [inputs]);
  inputs.dispose();
  return { role: 'model', format, path, probe_path: probe, label };
}

async function exportModel(frame: RunFrame, files: readonly WrittenModel[], result: ModelDocument, data: Dataset): Promise<OutputFile[]> {
  const probe = join(frame.scratch, 'probe.safetensors');
  const predictions = join(frame.scratch, 'predictions.npz');
  const models = files.map(({ format, bytes }): OutputFile => {
    const path = join(frame.scratch, `model${FORMATS[format].extension}`);
    writeFileSync(path, bytes);
    return { role: 'model', format, path, probe_path: probe };
  });
  const inputs = probeInputs(data, result, 64);
  await writeProbe({ probe, predictions }, result, [inputs]);
  inputs.dispose();
  return [...models, { role: 'predictions', format: 'npz', path: predictions, probe_path: null }];
}
