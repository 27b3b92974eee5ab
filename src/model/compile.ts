/** Reading of a compile_config: the optimizer, the loss and the metrics that a Keras model was compiled with. */
import Value from 'typebox/value';
import { received } from '../errors.ts';
import type { CompileFacts, CompileSettings, LossSettings, OptimizerSettings, Unread } from './compile-facts.ts';
import { snakeCase } from './graph.ts';
import { KerasSchedule, namedSchedule } from './learning-rate-schedule.ts';
import { LOSSES, type LossOption, lossType, REDUCTION } from './losses.ts';
import { OPTIMIZER_CLASSES, optimizerType } from './optimizer-classes.ts';

interface Serialised {
  class_name?: unknown;
  registered_name?: unknown;
  config?: unknown;
}

/** What the config of a model says of its compilation; null where it says nothing. */
export function readCompile(config: Record<string, unknown>): CompileFacts | null {
  const compile = record(config.compile_config);
  if (!compile || Object.keys(compile).length === 0) return null;
  return {
    loss: identifier(onlyOne(compile.loss)),
    optimizer: identifier(compile.optimizer),
    settings: readSettings(compile),
  };
}

function readSettings(compile: Record<string, unknown>): CompileSettings {
  const unread: Unread[] = [];
  const settings = {
    optimizer: readOptimizer(compile.optimizer, unread),
    loss: readLoss(compile.loss, unread),
    metrics: metricNames(compile.metrics),
  };
  if (isSet(compile.loss_weights))
    unread.push(item('loss_weights', compile.loss_weights, 'A model with one output has one loss; its weight is 1.'));
  if (isSet(compile.weighted_metrics)) {
    unread.push(item('weighted_metrics', compile.weighted_metrics, 'Metrics are those of the receipt, over samples of equal weight.'));
  }
  return { ...settings, unread };
}

/** The optimizer of a compile_config; what could not be read is added to `unread`. */
export function readOptimizer(value: unknown, unread: Unread[]): OptimizerSettings | null {
  if (!isSet(value)) return null;
  const className = identifier(value);
  const type = className === null || isCustom(value) ? null : optimizerType(className);
  if (type === null) {
    unread.push(item('optimizer', className ?? value, `Its class is none of ${classNames().join(', ')}.`));
    return null;
  }
  const { defaults, learningRate } = OPTIMIZER_CLASSES[type];
  const config = record((value as Serialised).config) ?? {};
  return {
    type,
    ...readRate(config.learning_rate, learningRate, unread),
    options: readOptions('optimizer', config, defaults, unread),
  };
}

const classNames = (): string[] => Object.values(OPTIMIZER_CLASSES).map(({ className }) => className);

function readRate(value: unknown, standard: number, unread: Unread[]): Pick<OptimizerSettings, 'learning_rate' | 'learning_rate_schedule'> {
  if (typeof value === 'number') return { learning_rate: shortest(value), learning_rate_schedule: null };
  if (!isSet(value)) return { learning_rate: standard, learning_rate_schedule: null };
  const named = record(value) ? namedSchedule(value as Serialised) : null;
  if (Value.Check(KerasSchedule, named) && hasValueForEachPart(named)) {
    return {
      learning_rate: named.type === 'piecewise_constant_decay' ? named.values[0]! : named.initial_learning_rate,
      learning_rate_schedule: named,
    };
  }
  const first = record((value as Serialised).config)?.initial_learning_rate;
  const rate = typeof first === 'number' ? first : standard;
  unread.push(item('optimizer.learning_rate', value, `This schedule is not followed; the rate stays at ${rate}.`));
  return { learning_rate: rate, learning_rate_schedule: null };
}

/** A piecewise constant schedule has a value more than boundaries. */
function hasValueForEachPart(schedule: KerasSchedule): boolean {
  return schedule.type !== 'piecewise_constant_decay' || schedule.values.length === schedule.boundaries.length + 1;
}

/** Keras writes a rate as the float64 of a float32; the shortest number of the same float32 is the one that was typed. */
function shortest(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/**
 * The loss of a compile_config, also one given in a list or by its output's name; what could not be read is added to `unread`.
 * Models with a loss for each of several outputs have none here.
 */
export function readLoss(value: unknown, unread: Unread[]): LossSettings | null {
  const only = onlyOne(value);
  if (!isSet(only)) return null;
  const name = identifier(only);
  const type = name === null || isCustom(only) ? null : lossType(name);
  if (type === null) {
    unread.push(item('loss', name ?? value, `It is none of ${Object.keys(LOSSES).join(', ')}.`));
    return null;
  }
  const config = record((only as Serialised).config) ?? {};
  return { type, options: readOptions('loss', config, { ...LOSSES[type].options, reduction: REDUCTION }, unread) };
}

/** Each option of `defaults` as the config has it, or its default; one of another type is added to `unread`. */
function readOptions<Option extends LossOption>(
  place: string,
  config: Record<string, unknown>,
  defaults: Readonly<Record<string, Option>>,
  unread: Unread[],
): Record<string, Option> {
  return Object.fromEntries(
    Object.entries(defaults).map(([name, standard]) => {
      const value = config[name];
      if (value === undefined || value === standard) return [name, standard];
      const fits = standard === null ? value === null || typeof value === 'number' : typeof value === typeof standard;
      // AdamW's decay is a number by default, and any class takes null for none.
      if (fits || (value === null && typeof standard === 'number')) return [name, value as Option];
      unread.push(item(`${place}.${name}`, value, `It is no ${standard === null ? 'number' : typeof standard}; ${standard} is used.`));
      return [name, standard];
    }),
  );
}

/** Names of metrics in the order in which they stand: a list, or one for each output in a list or by name. */
function metricNames(value: unknown, depth = 0): string[] {
  const name = identifier(value);
  if (name === null) {
    if (depth > 2 || value === null || typeof value !== 'object') return [];
    return Object.values(value).flatMap((metric) => metricNames(metric, depth + 1));
  }
  const given = record((value as Serialised).config)?.name;
  return [typeof given === 'string' ? given : snakeCase(name)];
}

/** Options that cannot be said to do nothing: an option that is not listed here is in force whatever its value. */
const NEUTRAL: Record<string, (value: unknown, options: Readonly<Record<string, unknown>>) => boolean> = {
  weight_decay: (value) => value === null || value === 0,
  clipnorm: (value) => value === null || value === 0,
  global_clipnorm: (value) => value === null || value === 0,
  clipvalue: (value) => value === null || value === 0,
  use_ema: (value) => value === false,
  ema_momentum: (_, { use_ema }) => use_ema === false,
  ema_overwrite_frequency: (value, { use_ema }) => value === null || use_ema === false,
  // The gradients of a scaled loss are scaled back.
  loss_scale_factor: () => true,
  gradient_accumulation_steps: (value) => value === null,
  momentum: (value) => value === 0,
  nesterov: (value, { momentum }) => value === false || momentum === 0,
  amsgrad: (value) => value === false,
  centered: (value) => value === false,
  from_logits: (value) => value === false,
  label_smoothing: (value) => value === 0,
  axis: (value) => value === -1,
  ignore_class: (value) => value === null,
  apply_class_balancing: (value) => value === false,
  delta: (value) => value === 1,
  reduction: (value) => value === REDUCTION || value === 'mean' || value === 'auto',
};

/** The options of an optimizer or a loss that have an effect and are not among those that the caller honours, with their values. */
export function unhonoured(
  { options }: Pick<LossSettings, 'options'>,
  honoured: readonly string[],
): { option: string; value: LossOption }[] {
  return Object.entries(options)
    .filter(([option, value]) => !honoured.includes(option) && !(NEUTRAL[option]?.(value, options) ?? false))
    .map(([option, value]) => ({ option, value }));
}

/** A loss, an optimizer or a metric by the name of its class or function; null for what is not one name. */
function identifier(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const object = value as Serialised | null | undefined;
  if (object?.class_name === 'function' && typeof object.config === 'string') return object.config;
  return typeof object?.class_name === 'string' ? object.class_name : null;
}

/** Whether a serialised object is of a class or function of the model's own, whatever its name. */
export function isCustom(value: unknown): boolean {
  const { class_name, registered_name, module } = (record(value) ?? {}) as Serialised & { module?: unknown };
  if (typeof registered_name === 'string' && registered_name !== class_name) return true;
  return typeof module === 'string' && module !== 'builtins' && !module.startsWith('keras');
}

/** The value itself, or the only one of a list or of a dictionary by outputs. */
function onlyOne(value: unknown): unknown {
  const object = record(value);
  const values = Array.isArray(value) ? value : object && identifier(object) === null ? Object.values(object) : [value];
  return values.length === 1 ? values[0] : value;
}

function record(value: unknown): Record<string, unknown> | null {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

const isSet = (value: unknown): boolean => value !== null && value !== undefined;
const item = (what: string, value: unknown, reason: string): Unread => ({ what, value: received(value), reason });
