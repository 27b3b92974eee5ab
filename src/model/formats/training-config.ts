/** How a model was compiled, between a `.keras` file's `compile_config` and the `training_config` of the other formats. */

import { lossType } from '../losses.ts';

type Json = Record<string, unknown>;

/** Hyper-parameters that Keras 3 has and Keras 2 refuses. */
const SINCE_KERAS_3 = ['loss_scale_factor', 'gradient_accumulation_steps'];

const isObject = (value: unknown): value is Json => value !== null && typeof value === 'object' && !Array.isArray(value);

/** A `training_config` as a `compile_config`: its optimizer stands under another name, and its classes are Keras' own. */
export function compileOf(training: Json): Json {
  const { optimizer_config: optimizer, ...rest } = training;
  const { class_name, config } = isObject(optimizer) ? optimizer : {};
  // TensorFlow's Keras registers its own classes as it does a caller's.
  const className = typeof class_name === 'string' ? class_name.replace(/^Custom>/, '') : class_name;
  return {
    optimizer: isObject(optimizer) ? { module: 'keras.optimizers', class_name: className, config, registered_name: null } : null,
    ...rest,
  };
}

/** A `compile_config` as a `training_config`; null where the model is not compiled with an optimizer. Keras 3 does not find losses by their short names here. */
export function trainingConfig(compile: unknown, keras2: boolean): Json | null {
  if (!isObject(compile)) return null;
  const { optimizer: given, ...rest } = compile;
  // Keras before 3.4 wrote what `compile` was given, which may be a name.
  const optimizer = typeof given === 'string' ? { class_name: given, config: {} } : given;
  if (!isObject(optimizer)) return null;
  const { class_name, config } = optimizer;
  const known =
    keras2 && isObject(config) ? Object.fromEntries(Object.entries(config).filter(([name]) => !SINCE_KERAS_3.includes(name))) : config;
  const settings = { loss: null, metrics: null, weighted_metrics: null, loss_weights: null, ...rest };
  return { ...settings, loss: keras2 ? settings.loss : withLongNames(settings.loss), optimizer_config: { class_name, config: known } };
}

function withLongNames(loss: unknown): unknown {
  if (typeof loss === 'string') return lossType(loss) ?? loss;
  if (Array.isArray(loss)) return loss.map(withLongNames);
  if (!isObject(loss) || typeof loss.class_name === 'string') return loss;
  return Object.fromEntries(Object.entries(loss).map(([output, item]) => [output, withLongNames(item)]));
}

/** A `compile_config` whose every object says where its class is from, as `.keras` files need. */
export function withModules(compile: unknown): unknown {
  if (!isObject(compile)) return compile;
  const homes: Record<string, string> = { loss: 'keras.losses', metrics: 'keras.metrics', weighted_metrics: 'keras.metrics' };
  return Object.fromEntries(Object.entries(compile).map(([key, value]) => [key, homes[key] ? inModule(value, homes[key]) : value]));
}

function inModule(value: unknown, module: string): unknown {
  if (Array.isArray(value)) return value.map((item) => inModule(item, module));
  if (!isObject(value)) return value;
  if (typeof value.class_name !== 'string')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inModule(item, module)]));
  return { ...value, module: value.module ?? module, registered_name: value.registered_name ?? null };
}
