/** Keras' losses as far as files show them. */
import { snakeCase } from './graph.ts';

export type LossOption = number | boolean | string | null;

const CROSS_ENTROPY = { from_logits: false, label_smoothing: 0, axis: -1 };

interface LossClass {
  className: string;
  /** As Keras names it. */
  name?: string;
  /** With their defaults, in the order of `get_config`. */
  options: Readonly<Record<string, LossOption>>;
}

/** By the name of the function. Every loss has `reduction` besides. Source: `keras/src/losses/losses.py`, 3.15. */
export const LOSSES = {
  binary_crossentropy: { className: 'BinaryCrossentropy', options: CROSS_ENTROPY },
  categorical_crossentropy: { className: 'CategoricalCrossentropy', options: CROSS_ENTROPY },
  sparse_categorical_crossentropy: {
    className: 'SparseCategoricalCrossentropy',
    options: { from_logits: false, ignore_class: null },
  },
  binary_focal_crossentropy: {
    className: 'BinaryFocalCrossentropy',
    options: { ...CROSS_ENTROPY, apply_class_balancing: false, alpha: 0.25, gamma: 2 },
  },
  categorical_focal_crossentropy: { className: 'CategoricalFocalCrossentropy', options: { ...CROSS_ENTROPY, alpha: 0.25, gamma: 2 } },
  mean_squared_error: { className: 'MeanSquaredError', options: {} },
  mean_absolute_error: { className: 'MeanAbsoluteError', options: {} },
  mean_absolute_percentage_error: { className: 'MeanAbsolutePercentageError', options: {} },
  mean_squared_logarithmic_error: { className: 'MeanSquaredLogarithmicError', options: {} },
  // Keras leaves delta out of the file, and loads the loss with the default.
  huber: { className: 'Huber', name: 'huber_loss', options: { delta: 1 } },
  log_cosh: { className: 'LogCosh', options: {} },
  kl_divergence: { className: 'KLDivergence', options: {} },
  poisson: { className: 'Poisson', options: {} },
  cosine_similarity: { className: 'CosineSimilarity', options: { axis: -1 } },
  hinge: { className: 'Hinge', options: {} },
  squared_hinge: { className: 'SquaredHinge', options: {} },
  categorical_hinge: { className: 'CategoricalHinge', options: {} },
} as const satisfies Record<string, LossClass>;

export type LossType = keyof typeof LOSSES;

export const REDUCTION = 'sum_over_batch_size';

const SHORT: Record<string, LossType> = {
  bce: 'binary_crossentropy',
  kld: 'kl_divergence',
  mae: 'mean_absolute_error',
  mape: 'mean_absolute_percentage_error',
  mse: 'mean_squared_error',
  msle: 'mean_squared_logarithmic_error',
};

/** The loss of a function's, a class's or a short name; null for one that is not listed here. */
export function lossType(name: string): LossType | null {
  const type = snakeCase(name);
  if (Object.hasOwn(SHORT, type)) return SHORT[type]!;
  return Object.hasOwn(LOSSES, type) ? (type as LossType) : null;
}
