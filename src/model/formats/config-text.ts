/** A config as text that Python reads as it was written: a number that must be a float there has a decimal point. */
import { withLoadableShears } from './shear-range.ts';

/**
 * Hyper-parameters of Keras' optimizers and schedules that are floats. JavaScript prints 0.0 as 0, and Keras then refuses the file (a momentum or a
 * learning rate must be a `float`) or computes a schedule in whole numbers.
 */
const FLOATS = new Set([
  ...['learning_rate', 'weight_decay', 'clipnorm', 'global_clipnorm', 'clipvalue', 'ema_momentum', 'loss_scale_factor'],
  ...['momentum', 'rho', 'beta_1', 'beta_2', 'epsilon', 'initial_accumulator_value', 'initial_scale'],
  ...['learning_rate_power', 'l1_regularization_strength', 'l2_regularization_strength', 'l2_shrinkage_regularization_strength', 'beta'],
  ...['initial_learning_rate', 'end_learning_rate', 'decay_rate', 'alpha', 'power', 'warmup_target', 'values', 't_mul', 'm_mul'],
]);

// TypeScript's library does not have it yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** The config of a model as JSON. */
export function configText(config: Record<string, unknown>): string {
  return JSON.stringify(configValue(config));
}

/** What `configText` is the JSON of: floats that JavaScript would print as whole numbers are texts of `JSON.rawJSON`. */
export function configValue(config: Record<string, unknown>): Record<string, unknown> {
  const compile = config.compile_config as { optimizer?: unknown } | null | undefined;
  const model = withFloatOperands(withLoadableShears(config)) as Record<string, unknown>;
  if (!compile?.optimizer) return model;
  return { ...model, compile_config: { ...compile, optimizer: withPoints(compile.optimizer, '') } };
}

/** A `training_config` as JSON. */
export function trainingText(training: Record<string, unknown>): string {
  return JSON.stringify({ ...training, optimizer_config: withPoints(training.optimizer_config, '') });
}

function withPoints(value: unknown, key: string): unknown {
  if (typeof value === 'number') return FLOATS.has(key) && /^-?\d+$/.test(String(value)) ? rawJSON(`${value}.0`) : value;
  if (Array.isArray(value)) return value.map((item) => withPoints(item, key));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withPoints(item, name)]));
}

/** The config with points in the operands of TensorFlow's functions, which do not take a whole number beside floats. */
function withFloatOperands(entry: unknown): unknown {
  const {
    class_name: className,
    config,
    inbound_nodes: nodes,
  } = (entry ?? {}) as { class_name?: unknown; config?: { layers?: unknown }; inbound_nodes?: unknown };
  if (className === 'TFOpLambda') return { ...(entry as object), inbound_nodes: floats(nodes, false) };
  if (!Array.isArray(config?.layers)) return entry;
  const layers = config.layers.map(withFloatOperands);
  // Most configs have no such operation, and stay what they are.
  return layers.every((layer, index) => layer === (config.layers as unknown[])[index])
    ? entry
    : { ...(entry as object), config: { ...config, layers } };
}

/** Numbers under a name, and the third of a node that has a constant in place of a tensor. */
function floats(value: unknown, isOperand: boolean): unknown {
  if (typeof value === 'number') return isOperand && Number.isInteger(value) ? rawJSON(`${value}.0`) : value;
  if (Array.isArray(value)) {
    const isConstant = value[0] === '_CONSTANT_VALUE';
    return value.map((item, index) =>
      Array.isArray(item) || typeof item === 'object' || (isConstant && index === 2) ? floats(item, isConstant) : item,
    );
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, floats(item, true)]));
}
