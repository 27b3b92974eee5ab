/** Keras' optimizers as far as files show them: hyper-parameters, and what is kept for each weight. */

export type OptimizerOption = number | boolean | null;

/** Of every optimizer, in the order of `get_config`. */
const COMMON: Record<string, OptimizerOption> = {
  weight_decay: null,
  clipnorm: null,
  global_clipnorm: null,
  clipvalue: null,
  use_ema: false,
  ema_momentum: 0.99,
  ema_overwrite_frequency: null,
  loss_scale_factor: null,
  gradient_accumulation_steps: null,
};

const MOMENTS = { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };

export interface OptimizerClass {
  className: string;
  /** As Keras names the first of its kind. */
  name: string;
  learningRate: number;
  /** Every other hyper-parameter with its default, in the order of `get_config`. */
  defaults: Readonly<Record<string, OptimizerOption>>;
  /**
   * The slots in stored order. Those of one inner list stand together for one weight after the other; the lists follow each other.
   * `options` are hyper-parameters under Keras' names, without gaps.
   */
  slots(options: Readonly<Record<string, unknown>>): string[][];
  /** Numbers kept once for all weights. */
  scalars?: readonly string[];
}

function define(
  className: string,
  name: string,
  own: Record<string, OptimizerOption>,
  slots: OptimizerClass['slots'],
  more: { learningRate?: number; scalars?: readonly string[] } = {},
): OptimizerClass {
  return { className, name, learningRate: 0.001, defaults: { ...COMMON, ...own }, slots, ...more };
}

const momentAndVelocity: OptimizerClass['slots'] = ({ amsgrad }) => [
  ['momentum', 'velocity'],
  ...(amsgrad === true ? [['velocity_hat']] : []),
];

/** By the class name in lower case, which is also how Keras takes a name for a class. Source: `keras/src/optimizers`, 3.15. */
export const OPTIMIZER_CLASSES = {
  sgd: define('SGD', 'sgd', { momentum: 0, nesterov: false }, ({ momentum }) => (momentum === 0 ? [] : [['momentum']]), {
    learningRate: 0.01,
  }),
  adam: define('Adam', 'adam', { ...MOMENTS, amsgrad: false }, momentAndVelocity),
  adamw: define('AdamW', 'adam_w', { weight_decay: 0.004, ...MOMENTS, amsgrad: false }, momentAndVelocity),
  rmsprop: define('RMSprop', 'rm_sprop', { rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false }, ({ momentum, centered }) => [
    ['velocity'],
    ...((momentum as number) > 0 ? [['momentum']] : []),
    ...(centered === true ? [['average_gradient']] : []),
  ]),
  adagrad: define('Adagrad', 'adagrad', { initial_accumulator_value: 0.1, epsilon: 1e-7 }, () => [['accumulator']]),
  lion: define('Lion', 'lion', { beta_1: 0.9, beta_2: 0.99 }, () => [['momentum']]),
  nadam: define('Nadam', 'nadam', MOMENTS, () => [['momentum', 'velocity']], { scalars: ['u_product'] }),
  adamax: define('Adamax', 'adamax', MOMENTS, () => [['momentum', 'norm']]),
  adadelta: define('Adadelta', 'adadelta', { rho: 0.95, epsilon: 1e-7 }, () => [['accumulated_grad', 'accumulated_delta_var']]),
  lamb: define('Lamb', 'lamb', MOMENTS, () => [['momentum', 'velocity']]),
} as const satisfies Record<string, OptimizerClass>;

export type OptimizerType = keyof typeof OPTIMIZER_CLASSES;

/** The class of a name in any case; null for one that is not listed here. */
export function optimizerType(name: string): OptimizerType | null {
  const type = name.toLowerCase();
  return Object.hasOwn(OPTIMIZER_CLASSES, type) ? (type as OptimizerType) : null;
}
