/** Writing of a compile_config, as Keras serialises optimizers, losses and metrics. */
import { isCustom, readLoss } from './compile.ts';
import type { LossSettings, OptimizerSettings } from './compile-facts.ts';
import { serialisedSchedule } from './learning-rate-schedule.ts';
import { LOSSES, lossType, REDUCTION } from './losses.ts';
import { OPTIMIZER_CLASSES, optimizerType } from './optimizer-classes.ts';

/** An optimizer as it stands in a compile_config. */
export interface SerialisedOptimizer {
  className: string;
  /** Keras' `get_config`. */
  config: Record<string, unknown>;
}

/** What a model is compiled with. Options that are left out have Keras' defaults. */
export interface Compilation {
  optimizer: SerialisedOptimizer;
  loss: LossSettings;
  /** Names of Keras' metrics. */
  metrics: readonly string[];
}

/**
 * The optimizer as Keras would serialise it; `type` is one of `OPTIMIZER_CLASSES` and options that are left out have Keras' defaults.
 * Throws an Error for a type or an option that Keras' class does not have.
 */
export function serialisedOptimizer(
  settings: Pick<OptimizerSettings, 'type' | 'learning_rate'> & Partial<Pick<OptimizerSettings, 'learning_rate_schedule' | 'options'>>,
): SerialisedOptimizer {
  const type = optimizerType(settings.type);
  if (type === null) throw new Error(`There is no optimizer ${settings.type}`);
  const { className, name, defaults } = OPTIMIZER_CLASSES[type];
  const surplus = Object.keys(settings.options ?? {}).filter((option) => !Object.hasOwn(defaults, option));
  if (surplus.length > 0) throw new Error(`${className} has no ${surplus.join(', ')}`);
  const schedule = settings.learning_rate_schedule;
  return {
    className,
    config: {
      name,
      // Keras holds the rate as a float32, and writes what it holds.
      learning_rate: schedule ? serialisedSchedule(schedule) : Math.fround(settings.learning_rate),
      ...defaults,
      ...settings.options,
    },
  };
}

/** The loss as a compile_config has it: its name, or an object where an option differs from the default. */
export function serialisedLoss({ type, options }: LossSettings): unknown {
  const known = lossType(type);
  if (known === null) throw new Error(`There is no loss ${type}`);
  const { className, options: own, name } = { name: known, ...LOSSES[known] };
  const defaults: Record<string, unknown> = { reduction: REDUCTION, ...own };
  if (Object.entries(options).every(([option, value]) => defaults[option] === value)) return known;
  return { module: 'keras.losses', class_name: className, config: { name, ...defaults, ...options }, registered_name: null };
}

/**
 * A copy of the model's config that is compiled with this optimizer and loss. What the uploaded compile_config says besides is kept, its loss where
 * it is the same one; without a compile_config there is a new one.
 */
export function withCompilation(config: Record<string, unknown>, { optimizer, loss, metrics }: Compilation): Record<string, unknown> {
  const { compile_config: present } = config as { compile_config?: Record<string, unknown> | null };
  const compiled = present && Object.keys(present).length > 0 ? present : null;
  const entry = compiled?.optimizer as { class_name?: unknown } | null | undefined;
  const same = compiled !== null && isSameLoss(compiled.loss, loss);
  return {
    ...config,
    compile_config: {
      ...(compiled ?? NOTHING),
      optimizer:
        entry?.class_name === optimizer.className && !isCustom(entry)
          ? { ...entry, config: optimizer.config }
          : { module: 'keras.optimizers', class_name: optimizer.className, config: optimizer.config, registered_name: null },
      loss: same ? compiled.loss : serialisedLoss(loss),
      metrics: compiled ? compiled.metrics : [...metrics],
    },
  };
}

/** In the order in which Keras writes it. */
const NOTHING = {
  optimizer: null,
  loss: null,
  loss_weights: null,
  metrics: null,
  weighted_metrics: null,
  run_eagerly: false,
  steps_per_execution: 1,
  jit_compile: false,
};

function isSameLoss(present: unknown, { type, options }: LossSettings): boolean {
  const read = readLoss(present, []);
  if (read?.type !== type) return false;
  const defaults: Record<string, unknown> = { ...LOSSES[lossType(type)!].options, reduction: REDUCTION };
  return Object.entries(read.options).every(([option, value]) => value === (options[option] ?? defaults[option]));
}
