/** `config.json` as text that Python reads as it was written: a number that must be a float there has a decimal point. */

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
  const compile = config.compile_config as { optimizer?: unknown } | null | undefined;
  if (!compile?.optimizer) return JSON.stringify(config);
  return JSON.stringify({ ...config, compile_config: { ...compile, optimizer: withPoints(compile.optimizer, '') } });
}

function withPoints(value: unknown, key: string): unknown {
  if (typeof value === 'number') return FLOATS.has(key) && /^-?\d+$/.test(String(value)) ? rawJSON(`${value}.0`) : value;
  if (Array.isArray(value)) return value.map((item) => withPoints(item, key));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withPoints(item, name)]));
}
