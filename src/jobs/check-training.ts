/** What a training is asked for, with every `auto` resolved, checked against model and data. */
import { patternOf } from '../clipping/groups.ts';
import type { DatasetFacts } from '../dataset/facts.ts';
import type { JobWarning } from '../ledger/ledger.ts';
import { unhonoured } from '../model/compile.ts';
import type { CompileSettings } from '../model/compile-facts.ts';
import type { ModelFacts } from '../model/facts.ts';
import { weightKey } from '../model/graph.ts';
import { metricFault, monitorFault, resolveMetrics } from '../report/metrics/index.ts';
import { fillDefaults } from '../schema.ts';
import { checkAugmentation, checkNoise } from './check-augmentation.ts';
import { checkLogits, warnOfLoss } from './check-compiled-loss.ts';
import { resolveLoss } from './check-loss.ts';
import type { PlanReader } from './check-pruning/plan.ts';
import { stepsOf } from './check-pruning/steps.ts';
import { graphOf } from './models-at-samples.ts';
import { count, refuse } from './refuse.ts';
import { Clipping, LearningRateSchedule, type MetricName, type Monitored, Optimizer, type Training } from './spec/index.ts';

export interface CheckedModel {
  facts: ModelFacts;
  /** Of its file. */
  sha256: string;
  /** The plan that a job has left; asked for by jobs that name one. Throws Problem. */
  readPlan: PlanReader;
  /** The parsed `config.json`; asked for only by jobs that need the graph. */
  readConfig(): Promise<unknown>;
  /** The shape of the samples that fill the free axes of its facts and graph (`models-at-samples.ts`); absent where nothing does. */
  sample?: readonly number[];
}

export interface TrainingContext {
  /** Of the training in the specification. */
  pointer: string;
  /** Whether the job makes the model smaller. */
  small: boolean;
  model: CheckedModel;
  dataset: DatasetFacts;
  warn(warning: JobWarning): void;
}

/** Throws Problem MODEL_DATASET_MISMATCH, UNKNOWN_LAYER, INCOMPATIBLE_OPTIONS. */
export async function resolveTraining(training: Training, context: TrainingContext): Promise<Training> {
  const { pointer, small, model, dataset, warn } = context;
  const { facts } = model;
  if (training.epochs > 0 && facts.trainable_parameters === 0) {
    refuse('INCOMPATIBLE_OPTIONS', `${pointer}/epochs`, 'Every layer of the model is frozen: there is nothing to train.', training.epochs);
  }
  const settings = facts.compile?.settings ?? null;
  const loss = resolveLoss(training.loss, `${pointer}/loss`, facts, dataset);
  warnOfLoss(training.loss, loss, facts, warn);
  await checkLogits(training.loss, loss, `${pointer}/loss`, model, warn);
  const resolved: Training = {
    ...training,
    loss,
    ...lossOptions(training, settings),
    ...optimizerOf(training, settings, facts, warn),
    clipping: training.clipping.type === 'auto' ? compiledClipping(settings) : training.clipping,
    optimizer_state: training.optimizer_state === 'auto' ? (small ? 'drop' : 'export') : training.optimizer_state,
    restore_best: training.restore_best === 'auto' ? (training.early_stopping?.metric ?? 'none') : training.restore_best,
  };
  checkNumbers(resolved, pointer);
  warnOfWarmup(resolved, dataset, warn);
  checkLabels(resolved, pointer, dataset);
  checkAugmentation(resolved, pointer, facts, dataset);
  await checkNoise(resolved, pointer, model);
  await checkPatterns(resolved, pointer, model);
  return { ...resolved, metrics: checkMetrics(resolved, pointer, facts, dataset) };
}

/** The compiled loss's own options count where the loss is taken from there. */
function lossOptions(training: Training, settings: CompileSettings | null): Partial<Training> {
  const options = training.loss === 'auto' ? settings?.loss?.options : undefined;
  const { label_smoothing: smoothing, delta } = options ?? {};
  return {
    ...(training.label_smoothing === 0 && typeof smoothing === 'number' ? { label_smoothing: smoothing } : {}),
    ...(training.huber_delta === 1 && typeof delta === 'number' ? { huber_delta: delta } : {}),
  };
}

/** Hyper-parameters of Keras that a specification has under the same name. */
const TAKEN = ['momentum', 'nesterov', 'beta_1', 'beta_2', 'epsilon', 'rho', 'initial_accumulator_value', 'weight_decay'];
const CLIPS = ['clipnorm', 'clipvalue', 'global_clipnorm'];
const OPTIMIZERS = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', 'lion'];

function optimizerOf(
  training: Training,
  settings: CompileSettings | null,
  facts: ModelFacts,
  warn: TrainingContext['warn'],
): Pick<Training, 'optimizer' | 'learning_rate_schedule' | 'ema'> {
  const { optimizer, learning_rate_schedule: schedule, ema } = training;
  if (optimizer.type !== 'auto') return { optimizer, learning_rate_schedule: schedule, ema };
  const compiled = settings?.optimizer ?? null;
  const name = compiled?.type ?? facts.compile?.optimizer?.toLowerCase() ?? 'adam';
  if (!OPTIMIZERS.includes(name)) {
    warn({
      code: 'COMPILE_OPTION_NOT_TAKEN',
      detail: `The model is compiled with ${name}, which is not there; adam is used. Available: ${OPTIMIZERS.join(', ')}.`,
    });
    return { optimizer: fillDefaults(Optimizer, { type: 'adam' }), learning_rate_schedule: schedule, ema };
  }
  if (!compiled) return { optimizer: fillDefaults(Optimizer, { type: name }), learning_rate_schedule: schedule, ema };
  const { options, learning_rate, learning_rate_schedule: rates } = compiled;
  const averaged = options.use_ema === true && ema === null;
  const exponential = rates?.type === 'exponential_decay' && schedule.type === 'constant' && schedule.warmup_steps === 0;
  if (rates && !exponential) {
    warn({
      code: 'COMPILE_OPTION_NOT_TAKEN',
      detail: `The model is compiled with the schedule ${rates.type}, in steps of another training; the rate is ${learning_rate} under the job's own learning_rate_schedule.`,
    });
  }
  const honoured = [...TAKEN, ...CLIPS, ...(averaged ? ['use_ema', 'ema_momentum'] : [])];
  for (const { option, value } of unhonoured(compiled, honoured)) {
    warn({
      code: 'COMPILE_OPTION_NOT_TAKEN',
      detail: `The model is compiled with ${option} ${JSON.stringify(value)}, which has no effect here.`,
    });
  }
  const known = Object.entries(options).filter(([option, value]) => TAKEN.includes(option) && value !== null);
  return {
    // Keras decays every weight.
    optimizer: fillDefaults(Optimizer, { type: name, learning_rate, ...Object.fromEntries(known), weight_decay_on: 'all' }),
    learning_rate_schedule: exponential
      ? fillDefaults(LearningRateSchedule, {
          type: 'exponential',
          decay_rate: rates.decay_rate,
          decay_steps: rates.decay_steps,
          staircase: rates.staircase,
        })
      : schedule,
    ema: averaged ? { momentum: typeof options.ema_momentum === 'number' ? options.ema_momentum : 0.99 } : ema,
  };
}

function compiledClipping(settings: CompileSettings | null): Clipping {
  const { clipnorm, clipvalue, global_clipnorm: globalNorm } = settings?.optimizer?.options ?? {};
  if (typeof clipnorm === 'number') return fillDefaults(Clipping, { type: 'norm', max_norm: clipnorm });
  if (typeof globalNorm === 'number') return fillDefaults(Clipping, { type: 'global_norm', max_norm: globalNorm });
  if (typeof clipvalue === 'number') return fillDefaults(Clipping, { type: 'value', clip_value: clipvalue });
  return { type: 'none' };
}

/** A rate that is never reached is rarely meant. */
function warnOfWarmup(training: Training, dataset: DatasetFacts, warn: TrainingContext['warn']): void {
  const { learning_rate_schedule: schedule } = training;
  const warmup = 'warmup_steps' in schedule ? schedule.warmup_steps : 0;
  const steps = stepsOf(training, dataset);
  if (steps === 0 || warmup < steps) return;
  const detail = `The learning rate warms up for ${warmup} steps, and the training has ${steps}: it ends before the rate is what was asked for.`;
  warn({ code: 'WARMUP_LONGER_THAN_TRAINING', detail });
}

function checkNumbers(training: Training, pointer: string): void {
  const { weight_range: range, micro_batch_size: micro, batch_size, learning_rate_schedule: schedule } = training;
  if (range && range[0] > range[1]) {
    refuse('INCOMPATIBLE_OPTIONS', `${pointer}/weight_range`, 'The range of weights goes from low to high.', range);
  }
  if (!range && training.weight_range_also.length > 0) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${pointer}/weight_range_also`,
      'It names weights for weight_range, which is not set.',
      training.weight_range_also,
    );
  }
  if (micro !== null && micro > batch_size) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${pointer}/micro_batch_size`,
      `A part of a batch has at most batch_size samples, ${batch_size}.`,
      micro,
    );
  }
  if (
    schedule.type === 'step' &&
    schedule.milestones.some((milestone, index) => index > 0 && milestone <= schedule.milestones[index - 1]!)
  ) {
    refuse('INCOMPATIBLE_OPTIONS', `${pointer}/learning_rate_schedule/milestones`, 'Milestones ascend.', schedule.milestones);
  }
  if (training.label_smoothing > 0 && !training.loss.endsWith('crossentropy')) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${pointer}/label_smoothing`,
      `Labels are smoothed under cross-entropies; the loss is ${training.loss}.`,
      training.label_smoothing,
    );
  }
}

function checkLabels({ class_weights: weights, loss }: Training, pointer: string, { y }: DatasetFacts): void {
  if (weights === null) return;
  const at = `${pointer}/class_weights`;
  const classes = y?.classes ?? null;
  const single = y !== null && (count(y.shape) === 1 || (loss === 'categorical_crossentropy' && y.shape.length === 1));
  if (classes === null || !single) {
    refuse('INCOMPATIBLE_OPTIONS', at, 'Classes can be weighted where each sample has one class; the data set has none.', weights);
  }
  if (weights === 'balanced') {
    if (!y?.counts) refuse('INCOMPATIBLE_OPTIONS', at, "The data set's classes were not counted: give their weights by number.", weights);
    return;
  }
  for (const name of Object.keys(weights)) {
    if (Number(name) >= classes) refuse('INCOMPATIBLE_OPTIONS', `${at}/${name}`, `The data set's classes are 0 to ${classes - 1}.`, name);
  }
}

/** The metrics in force. Those that are asked for must have a value here, and what is watched must be one of them. */
function checkMetrics(training: Training, pointer: string, { outputs }: ModelFacts, { y, splits }: DatasetFacts): MetricName[] {
  const { loss, top_k, early_stopping: stopping, restore_best: restore } = training;
  if (loss === 'auto') throw new Error('The loss is resolved before metrics are');
  const samples = Math.max(splits.selection, splits.test);
  const measured = { loss, outputs: outputs[0]!.shape.slice(1), classes: y!.classes, top_k, samples };
  const metrics = resolveMetrics(training.metrics, measured);
  for (const name of metrics) {
    const fault = metricFault(name, measured);
    if (fault !== null) refuse('INCOMPATIBLE_OPTIONS', `${pointer}/metrics`, fault, name);
  }
  const watch = (metric: Monitored, at: string): void => {
    const fault = monitorFault(metric, metrics, splits.selection);
    if (fault !== null) refuse('INCOMPATIBLE_OPTIONS', at, fault, metric);
  };
  if (stopping) watch(stopping.metric, `${pointer}/early_stopping/metric`);
  if (restore !== 'none' && restore !== 'auto') watch(restore, `${pointer}/restore_best`);
  return metrics;
}

/** Patterns of weights that fit none are misspelt. */
async function checkPatterns({ clipping, weight_range_also: also }: Training, pointer: string, model: CheckedModel): Promise<void> {
  const groups = 'groups' in clipping ? clipping.groups : [];
  if (groups.length === 0 && also.length === 0) return;
  const graph = await graphOf(model);
  const names = graph.layers
    .filter((layer) => layer.trainable)
    .flatMap((layer) =>
      layer.weights.flatMap((spec) => (spec.role === 'statistic' ? [] : [{ layer: layer.name, key: weightKey(layer, spec.name) }])),
    );
  const check = (pattern: string, at: string): void => {
    const fits = patternOf(pattern);
    if (names.some(({ layer, key }) => fits.test(layer) || fits.test(key))) return;
    const some = names.slice(0, 50).map(({ key }) => key);
    refuse('UNKNOWN_LAYER', at, `No trainable weight fits this pattern. The model has: ${some.join(', ')}.`, pattern);
  };
  for (const [index, { layers }] of groups.entries()) check(layers, `${pointer}/clipping/groups/${index}/layers`);
  for (const [index, pattern] of also.entries()) check(pattern, `${pointer}/weight_range_also/${index}`);
}
