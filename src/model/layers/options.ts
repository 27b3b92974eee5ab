/** Reading of Keras' layer options, which come as numbers, lists, names or serialised objects. */
import type { LayerClass, Options, RefusedOption } from './layer-class.ts';

/** A whole number, such as `units`. Throws an Error that names what was received. */
export function integer(options: Options, option: string, minimum = 1): number {
  const value = options[option];
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= 2 ** 31) return value;
  throw new Error(`${option} is ${JSON.stringify(value)}; it must be a whole number from ${minimum}`);
}

/** `count` whole numbers, such as `kernel_size`, given as one or as a list. */
export function tuple(options: Options, option: string, count: number, minimum = 1): number[] {
  const value = options[option];
  if (Array.isArray(value) && value.length !== count) {
    throw new Error(`${option} is ${JSON.stringify(value)}; ${count === 1 ? 'one number is' : `${count} numbers are`} needed`);
  }
  const list: unknown[] = Array.isArray(value) ? value : Array.from({ length: count }, () => value);
  return list.map((item) => integer({ [option]: item }, option, minimum));
}

/** Two whole numbers, such as `kernel_size`, given as one or as a list. */
export function pair(options: Options, option: string): [number, number] {
  return tuple(options, option, 2) as [number, number];
}

/** A number, with the value that Keras takes where it is left out. */
export function number(options: Options, option: string, otherwise: number): number {
  const value = options[option] ?? otherwise;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Error(`${option} is ${JSON.stringify(value)}; it must be a number`);
}

/** A flag, with the value that Keras takes where it is left out. */
export function flag(options: Options, option: string, otherwise: boolean): boolean {
  return typeof options[option] === 'boolean' ? (options[option] as boolean) : otherwise;
}

/** The name of an activation, whether Keras wrote it as a name or as an object; `linear` for none. */
export function activationName(options: Options): string {
  const value = options.activation;
  if (value === null || value === undefined) return 'linear';
  if (typeof value === 'string') return value;
  const object = value as { class_name?: unknown; config?: unknown };
  // Keras writes a function as {class_name: "function", config: "relu"}.
  if (object.class_name === 'function' && typeof object.config === 'string') return object.config;
  return `object ${String(object.class_name)}`;
}

/** The activations that run here, by Keras' names. */
export const ACTIVATIONS = [
  'linear',
  'relu',
  'relu6',
  'leaky_relu',
  'sigmoid',
  'tanh',
  'softmax',
  'log_softmax',
  'elu',
  'selu',
  'celu',
  'softplus',
  'softsign',
  'silu',
  'swish',
  'gelu',
  'hard_sigmoid',
  // What Keras 2 calls hard_sigmoid; no file has it under this name.
  'keras_2_hard_sigmoid',
  'hard_silu',
  'hard_swish',
  'hard_tanh',
  'hard_shrink',
  'soft_shrink',
  'tanh_shrink',
  'squareplus',
  'sparse_plus',
  'sparse_sigmoid',
  'exponential',
  'log_sigmoid',
  'mish',
] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

/** Refuses an activation that does not run here. */
export function refuseActivation(options: Options): RefusedOption | null {
  const name = activationName(options);
  if (ACTIVATIONS.some((known) => known === name)) return null;
  return { option: 'activation', received: options.activation, accepted: ACTIVATIONS.join(', ') };
}

/** Refuses channels_first, which TensorFlow cannot run on a CPU. */
export function refuseChannelsFirst(options: Options): RefusedOption | null {
  if ((options.data_format ?? 'channels_last') === 'channels_last') return null;
  return { option: 'data_format', received: options.data_format, accepted: 'channels_last' };
}

/** Refuses a window's padding other than the accepted, which are Keras' two unless said otherwise. */
export function refusePadding(options: Options, accepted = ['valid', 'same']): RefusedOption | null {
  if (accepted.includes(String(options.padding ?? 'valid'))) return null;
  return { option: 'padding', received: options.padding, accepted: accepted.join(', ') };
}

/** Options that are numbers in every class that has them, and are read no earlier than a layer runs. */
const NUMBERS = [
  'alpha',
  'drop_path_rate',
  'dropout',
  'epsilon',
  'logit_soft_cap',
  'mask_value',
  'max_value',
  'momentum',
  'negative_slope',
  'rate',
  'recurrent_dropout',
  'stddev',
  'threshold',
];

/** The first option that a layer of the class cannot have as it is set, or null. */
export function refusedOption(facts: LayerClass, options: Options): RefusedOption | null {
  return facts.refuse?.(options) ?? refusedNumber(options);
}

/** The first of them that is neither left out nor a number, or null. */
function refusedNumber(options: Options): RefusedOption | null {
  const option = NUMBERS.find((name) => (options[name] ?? null) !== null && !Number.isFinite(options[name]));
  return option === undefined ? null : { option, received: options[option], accepted: 'a number' };
}

/** The first refusal among several. */
export function firstRefusal(...refusals: (RefusedOption | null)[]): RefusedOption | null {
  return refusals.find((refusal) => refusal !== null) ?? null;
}
