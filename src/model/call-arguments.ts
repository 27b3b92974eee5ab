/** The arguments of a call, as an inbound node of Keras 3 has them: {args, kwargs} with tensors as objects. */
import { Problem, received } from '../errors.ts';
import { constantOf, type Operand } from './layers/operand.ts';

/** A tensor as [layer, its call, the call's output]. */
export type TensorReference = readonly [string, number, number];

/** What a callee takes, as Keras' `call` names it. */
export interface Signature {
  /** Names of the inputs, the first of which is given by position or by any name; absent: one, which may be a list. */
  tensors?: readonly string[];
  /** Other tensors by name, such as `initial_state`. */
  extras?: readonly string[];
  /** All names that may be given by position, in their order. */
  positional?: readonly string[];
  /** Arguments that are no tensors and change what is computed; any other is ignored. */
  options?: readonly string[];
}

/** The arguments of one call of a layer or a model. */
export interface CallArguments {
  inputs: TensorReference[];
  /** The name that each input was given by where it came in a dictionary; null where it did not. */
  inputNames: (string | null)[];
  extras: Record<string, TensorReference[]>;
  /** Masks by the index of their input; those that are null are not given. */
  masks: (TensorReference | null)[];
  options: Record<string, unknown>;
}

/** A tensor of the model as Keras writes it. */
export const isTensor = (value: unknown): boolean => classOf(value) === '__keras_tensor__';
const isArray = (value: unknown): boolean => classOf(value) === '__numpy__' || classOf(value) === '__tensor__';
const classOf = (value: unknown): unknown => (value as { class_name?: unknown } | null)?.class_name;

/** Null, or nothing but nulls, as Keras writes the masks of several inputs that have none. */
const isNothing = (value: unknown): boolean => value === null || value === undefined || (Array.isArray(value) && value.every(isNothing));

/** Whether a mask is meant, by Keras' names. */
const isMaskName = (name: string): boolean => name === 'mask' || (/_mask$/.test(name) && !/^(attention|use_causal)_mask$/.test(name));

function nodeOf(node: unknown, layer: string): { args: unknown[]; kwargs: Record<string, unknown> } {
  const { args, kwargs } = (node ?? {}) as { args?: unknown; kwargs?: Record<string, unknown> };
  if (Array.isArray(args)) return { args, kwargs: kwargs ?? {} };
  throw new Problem(
    'MODEL_UNREADABLE',
    `Layer ${layer} has an inbound node that is not Keras 3's {args, kwargs}. Received: ${received(node)}`,
  );
}

/** The arguments of a layer's or a model's call. Throws Problem MODEL_UNREADABLE, UNSUPPORTED_LAYER_OPTION. */
export function callArguments(node: unknown, layer: string, signature: Signature): CallArguments {
  const { args, kwargs } = nodeOf(node, layer);
  const { tensors = ['inputs'], extras = [], options = [] } = signature;
  const positional = signature.positional ?? [...tensors, ...(signature.tensors ? [] : ['mask'])];
  const bound = new Map<string, unknown>();
  args.forEach((value, index) => {
    const name = positional[index];
    if (name === undefined) {
      if (isNothing(value)) return;
      // Inputs by position that the class does not name are inputs all the same.
      bound.set(`${index}`, value);
    } else bound.set(name, value);
  });
  for (const [name, value] of Object.entries(kwargs)) {
    const first = tensors[0]!;
    const known = tensors.includes(name) || extras.includes(name) || options.includes(name) || isMaskName(name);
    // Keras' classes name their only input in several ways.
    if (!known && args.length === 0 && !bound.has(first) && holdsTensors(value)) bound.set(first, value);
    else bound.set(name, value);
  }
  const given: CallArguments = { inputs: [], inputNames: [], extras: {}, masks: [], options: {} };
  const masks = new Map<string, unknown>();
  const ranges = new Map<string, [number, number]>();
  for (const name of [...tensors, ...[...bound.keys()].filter((key) => /^\d+$/.test(key))]) {
    const start = given.inputs.length;
    if (!isNothing(bound.get(name))) collect(bound.get(name), null, layer, given);
    ranges.set(name, [start, given.inputs.length]);
    bound.delete(name);
  }
  for (const [name, value] of bound) {
    if (options.includes(name)) given.options[name] = value;
    else if (isNothing(value)) continue;
    else if (extras.includes(name)) addExtra(name, value, layer, given);
    else if (isMaskName(name)) masks.set(name, value);
    else if (typeof value === 'object' && holdsTensors(value)) refuse(layer, name, value, 'only its inputs may be tensors');
    // The rest is dropped: Keras writes `training` into the call, and overrides it whenever it trains or predicts.
  }
  if (given.inputs.length === 0) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `Layer ${layer} is called on something that is not a tensor of the model. Received: ${received(node)}`,
    );
  }
  given.masks = given.inputs.map(() => null);
  for (const [name, value] of masks) placeMask(name, value, layer, given, ranges);
  return given;
}

function refuse(layer: string, name: string, value: unknown, accepted: string): never {
  throw new Problem('UNSUPPORTED_LAYER_OPTION', `Layer ${layer} is called with ${name}=${received(value)}; ${accepted}.`);
}

function holdsTensors(value: unknown): boolean {
  if (isTensor(value)) return true;
  if (Array.isArray(value)) return value.some(holdsTensors);
  return value !== null && typeof value === 'object' && !classOf(value) && Object.values(value).some(holdsTensors);
}

/** The tensors of a nested list or dictionary, whose keys Keras sorts. */
function collect(value: unknown, key: string | null, layer: string, given: Pick<CallArguments, 'inputs' | 'inputNames'>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, key, layer, given);
  } else if (value !== null && typeof value === 'object' && !classOf(value)) {
    for (const [name, item] of sortedEntries(value)) collect(item, name, layer, given);
  } else {
    given.inputs.push(referenceOf(value, layer));
    given.inputNames.push(key);
  }
}

/** A dictionary's entries in the order in which Keras flattens it. */
export function sortedEntries(value: object): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

function referenceOf(value: unknown, layer: string): TensorReference {
  const history = isTensor(value) ? (value as { config?: { keras_history?: unknown } }).config?.keras_history : undefined;
  const [source, call, output] = Array.isArray(history) ? history : [];
  if (typeof source !== 'string' || !Number.isInteger(call) || !Number.isInteger(output)) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `Layer ${layer} is called on something that is not a tensor of the model. Received: ${received(value)}`,
    );
  }
  return [source, call, output];
}

/** An extra is tensors of the model, or one array of the config, which becomes an option of its name. */
function addExtra(name: string, value: unknown, layer: string, given: CallArguments): void {
  if (isArray(value)) {
    given.options[name] = operandOf(value, layer, []);
    return;
  }
  const found: Pick<CallArguments, 'inputs' | 'inputNames'> = { inputs: [], inputNames: [] };
  collect(value, null, layer, found);
  given.extras[name] = found.inputs;
}

/** Gives masks to the inputs they are of: `mask` to all inputs, `query_mask` to `query`. */
function placeMask(name: string, value: unknown, layer: string, given: CallArguments, ranges: ReadonlyMap<string, [number, number]>): void {
  const [start, end] = name === 'mask' ? [0, given.inputs.length] : (ranges.get(name.replace(/_mask$/, '')) ?? [0, 0]);
  const list: unknown[] = [];
  const flatten = (item: unknown): void => {
    if (Array.isArray(item)) for (const entry of item) flatten(entry);
    else if (item !== null && typeof item === 'object' && !classOf(item)) for (const [, entry] of sortedEntries(item)) flatten(entry);
    else list.push(item);
  };
  flatten(value);
  if (list.length > end - start) refuse(layer, name, value, `${end - start} masks can be given, one for each input`);
  list.forEach((item, index) => {
    if (isNothing(item)) return;
    if (!isTensor(item)) refuse(layer, name, item, 'a mask must be a tensor of the model');
    given.masks[start + index] = referenceOf(item, layer);
  });
}

/** The operands of an operation's call, by its parameters' names, and the tensors among them in their order. */
export function operationArguments(
  node: unknown,
  operation: string,
  parameters: readonly string[],
): { inputs: TensorReference[]; operands: Operand[] } {
  const { args, kwargs } = nodeOf(node, operation);
  const inputs: TensorReference[] = [];
  const values = [...args];
  for (const [name, value] of Object.entries(kwargs)) {
    const index = parameters.indexOf(name);
    if (index >= 0) values[index] = value;
    else if (!isNothing(value)) refuse(operation, name, value, `it takes ${parameters.join(', ')}`);
  }
  const operands = Array.from(values, (value) => operandOf(value, operation, inputs));
  return { inputs, operands };
}

/** A serialised value as an operand; tensors of the model are added to `inputs`. */
function operandOf(value: unknown, operation: string, inputs: TensorReference[]): Operand {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((item) => operandOf(item, operation, inputs));
  const { class_name: className, config } = value as { class_name?: unknown; config?: Record<string, unknown> };
  switch (className) {
    case '__keras_tensor__':
      return { tensor: inputs.push(referenceOf(value, operation)) - 1 };
    case '__numpy__':
    case '__tensor__':
      if (config?.value === undefined) break;
      try {
        return { constant: constantOf(config?.value) };
      } catch (error) {
        throw new Problem('MODEL_UNREADABLE', `Operation ${operation}: ${(error as Error).message}.`, { cause: error });
      }
    case '__slice__': {
      const bounds = [config?.start, config?.stop, config?.step].map((bound) => bound ?? null);
      if (bounds.every((bound) => bound === null || Number.isInteger(bound)))
        return { range: bounds as [number | null, number | null, number | null] };
      break;
    }
    case '__ellipsis__':
      return { ellipsis: true };
    default:
  }
  throw new Problem(
    'UNSUPPORTED_LAYER_OPTION',
    `Operation ${operation} is called on ${received(value)}; tensors, numbers, arrays and slices are accepted.`,
  );
}
