/**
 * The dialects in which a model's config comes, read as one: Keras 3's own of `config.json`. The others are Keras 3's of `.h5` files (entries without their
 * module), Keras 2's and that of TensorFlow.js, which is Keras 2's with gaps.
 *
 * | | Keras 3 `.keras` | Keras 3 `.h5` | Keras 2, TensorFlow.js |
 * | --- | --- | --- | --- |
 * | where a class is from | `module` | not said | not said |
 * | an input's shape | `batch_shape` | `batch_shape` | `batch_input_shape`, of the first layer too |
 * | a call | `{args, kwargs}` with `keras_history` | the same | `[[layer, call, output, kwargs], …]` |
 * | `x + y` | an Add of `keras.src.ops` | an Add of nowhere | TFOpLambda, `__operators__.add` |
 * | calls of a nested model | from 0 | from 0 | from 1 |
 * | `axis` of a normalisation | a number | a number | a list |
 */
import { Problem, received } from '../errors.ts';
import { isLayerClass } from './layers/index.ts';
import { moduleOfOperation } from './layers/operations/module.ts';

type Json = Record<string, unknown>;

interface Entry extends Json {
  class_name: string;
  config: Json;
}

/** Classes of `keras.applications` itself, whose layers have no other module. */
export const APPLICATION_CLASSES: Readonly<Record<string, string>> = {
  CustomScaleLayer: 'keras.src.applications.inception_resnet_v2',
  LayerScale: 'keras.src.applications.convnext',
  StochasticDepth: 'keras.src.applications.convnext',
};

/** Options that Keras 2 writes and Keras 3 does not take; those of every class are under *. None changes what is computed, but `time_major`. */
const GONE: Readonly<Record<string, readonly string[]>> = {
  '*': ['time_major', 'implementation', 'input_length', 'input_dtype'],
  Conv1DTranspose: ['groups'],
  Conv2DTranspose: ['groups'],
  Conv3DTranspose: ['groups'],
  DepthwiseConv1D: ['groups'],
  DepthwiseConv2D: ['groups'],
  MultiHeadAttention: ['key_shape', 'query_shape', 'softmax_robust_masking', 'value_shape'],
  SeparableConv1D: ['groups', 'kernel_constraint', 'kernel_initializer', 'kernel_regularizer'],
  SeparableConv2D: ['groups', 'kernel_constraint', 'kernel_initializer', 'kernel_regularizer'],
  SpatialDropout1D: ['noise_shape', 'trainable'],
  SpatialDropout2D: ['noise_shape', 'trainable'],
  SpatialDropout3D: ['noise_shape', 'trainable'],
};

/** Classes that Keras 3 exports under another name than their own: `.h5` files have the latter. */
export const OWN_NAMES: Readonly<Record<string, string>> = { GroupQueryAttention: 'GroupedQueryAttention' };

const EXPORTED = Object.fromEntries(Object.entries(OWN_NAMES).map(([exported, own]) => [own, exported]));

/** Names under which some versions of TensorFlow 1 and 2 wrote classes, and Keras 2's own variants that compute the same. */
const RENAMED: Readonly<Record<string, string>> = {
  BatchNormalizationV1: 'BatchNormalization',
  BatchNormalizationV2: 'BatchNormalization',
  SyncBatchNormalization: 'BatchNormalization',
  DenseV1: 'Dense',
  GRUV1: 'GRU',
  GRUV2: 'GRU',
  LSTMV1: 'LSTM',
  LSTMV2: 'LSTM',
  UnifiedGRU: 'GRU',
  UnifiedLSTM: 'LSTM',
};

/** TensorFlow's functions that are operation nodes here. */
const OPERATIONS: Readonly<Record<string, string>> = {
  '__operators__.add': 'Add',
  'math.add': 'Add',
  'math.subtract': 'Subtract',
  'math.multiply': 'Multiply',
  'math.divide': 'TrueDivide',
  'math.truediv': 'TrueDivide',
};

const MODELS = ['Sequential', 'Functional', 'Model'];

/** What Keras 2 meant, where Keras 3 means another function by the name. Ours alone: no version of Keras takes this name. */
export const KERAS_2_HARD_SIGMOID = 'keras_2_hard_sigmoid';

/** Whether a config is of Keras 2 or TensorFlow.js, by what only they write. */
export function isKeras2(config: unknown): boolean {
  const model = config as { keras_version?: unknown; config?: { layers?: unknown } } | null;
  if (typeof model?.keras_version === 'string') return !model.keras_version.startsWith('3');
  const layers = model?.config?.layers;
  return Array.isArray(layers) && layers.some((layer) => isObject(layer) && isKeras2Entry(layer as unknown as Entry));
}

function isKeras2Entry(entry: Entry): boolean {
  const { config, inbound_nodes: nodes } = entry;
  if (!isObject(config)) return false;
  if ('batch_input_shape' in config || entry.class_name === 'TFOpLambda') return true;
  if (Array.isArray(nodes) && nodes.some(Array.isArray)) return true;
  return MODELS.includes(entry.class_name) && isKeras2(entry);
}

/**
 * The config in Keras 3's dialect. It shares all that needs no other spelling with the one given, which stays as it is. What is no model is returned
 * as it is: readers of graphs say what is wrong with it.
 * Throws Problem UNSUPPORTED_LAYER, UNSUPPORTED_LAYER_OPTION or MODEL_UNREADABLE for what Keras 3 has no word for.
 */
export function inKeras3(config: unknown): unknown {
  if (!isObject(config) || typeof config.class_name !== 'string' || !isObject(config.config)) return config;
  const root = config as Entry;
  const entry = modelEntry(root, { keras2: isKeras2(root), tfjs: /^tfjs/.test(String(root.keras_version ?? '')) }, 0);
  const { keras_version: _version, backend: _backend, ...rest } = entry;
  return (root.module === undefined || isTfKeras(root.module)) && MODELS.includes(root.class_name)
    ? { ...rest, ...moduleOf(root.class_name) }
    : rest;
}

interface Dialect {
  keras2: boolean;
  tfjs: boolean;
}

const isObject = (value: unknown): value is Json => value !== null && typeof value === 'object' && !Array.isArray(value);
const isTfKeras = (module: unknown): boolean => typeof module === 'string' && /^(tf_keras|keras\.src\.engine)(\.|$)/.test(module);

/** As Keras 3 writes models: a Functional is no name of its own API. */
function moduleOf(className: string): Json {
  if (className === 'Sequential') return { module: 'keras', class_name: className, registered_name: null };
  return { module: 'keras.src.models.functional', class_name: 'Functional', registered_name: 'Functional' };
}

function modelEntry(entry: Entry, dialect: Dialect, depth: number): Entry {
  const { layers } = entry.config;
  // Deeper than any model that is read, and readers of graphs say so.
  if (!Array.isArray(layers) || depth > 64) return entry;
  let given = layers as unknown[];
  if (entry.class_name === 'Sequential') given = withInputLayer(given);
  const { output_layers: outputs } = entry.config;
  const firstCalls = firstCallsOf(given, outputs, dialect.keras2);
  const read = given.map((layer) => layerEntry(layer, dialect, firstCalls, depth));
  return {
    ...entry,
    config: {
      ...entry.config,
      layers: read,
      // Of a Functional Keras 3 counts from 1 as well here.
      ...(outputs === undefined
        ? {}
        : { output_layers: shifted(outputs, new Map([...firstCalls].filter(([name]) => isSequential(given, name)))) }),
    },
  };
}

/** A Sequential's layers behind an InputLayer, which Keras 2 left out where the first layer says the shape. */
function withInputLayer(layers: unknown[]): unknown[] {
  const [first] = layers;
  if (!isObject(first) || !isObject(first.config) || first.class_name === 'InputLayer') return layers;
  const { batch_input_shape: shape, dtype } = first.config;
  if (!Array.isArray(shape)) return layers;
  const isFloat = typeof dtype !== 'string' || !/^u?int|^bool/.test(dtype);
  const input = { batch_shape: shape, dtype: isFloat ? 'float32' : dtype, name: `${first.config.name}_input` };
  return [{ class_name: 'InputLayer', config: input }, ...layers];
}

/**
 * The number of the first call of each nested model where it is not 0. Keras 2 counts from 1, since such a model has been called once when it was made, but for
 * a Sequential that was built by its first call. Every call is referred to, so that the last one's number tells which it is.
 */
function firstCallsOf(layers: readonly unknown[], outputs: unknown, keras2: boolean): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  if (!keras2) return calls;
  for (const layer of layers) {
    if (!isObject(layer) || !MODELS.includes(String(layer.class_name)) || !Array.isArray(layer.inbound_nodes)) continue;
    calls.set(nameOf(layer), layer.inbound_nodes.length);
  }
  const first = new Map<string, number>();
  const visit = (value: unknown): void => {
    if (isReference(value) && value[1] >= (calls.get(value[0]) ?? Number.POSITIVE_INFINITY)) first.set(value[0], 1);
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (isObject(value)) for (const item of Object.values(value)) visit(item);
  };
  if (calls.size > 0) for (const layer of layers) if (isObject(layer)) visit(layer.inbound_nodes);
  if (calls.size > 0) visit(outputs);
  return first;
}

function isSequential(layers: readonly unknown[], name: string): boolean {
  return layers.some((layer) => isObject(layer) && layer.class_name === 'Sequential' && nameOf(layer) === name);
}

function nameOf(layer: unknown): string {
  const { name, config } = layer as { name?: unknown; config?: { name?: unknown } };
  return String(config?.name ?? name);
}

/** `[layer, call, output]`, perhaps with keyword arguments behind. */
function isReference(value: unknown): value is [string, number, number, Json?] {
  return (
    Array.isArray(value) &&
    (value.length === 3 || (value.length === 4 && isObject(value[3]))) &&
    typeof value[0] === 'string' &&
    Number.isInteger(value[1]) &&
    Number.isInteger(value[2])
  );
}

/** What stands in the place of a layer's name where a number stands in that of its output. */
const CONSTANT = '_CONSTANT_VALUE';

function isReferenceOrConstant(value: unknown): value is unknown[] {
  return isReference(value) || (Array.isArray(value) && value[0] === CONSTANT && typeof value[2] === 'number');
}

function shifted(value: unknown, firstCalls: ReadonlyMap<string, number>): unknown {
  if (isReference(value)) {
    const [name, call, output] = value;
    const first = firstCalls.get(name) ?? 0;
    return [name, call - first, output];
  }
  if (Array.isArray(value)) return value.map((item) => shifted(item, firstCalls));
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shifted(item, firstCalls)]));
  return value;
}

function layerEntry(value: unknown, dialect: Dialect, firstCalls: ReadonlyMap<string, number>, depth: number): unknown {
  if (!isObject(value) || typeof value.class_name !== 'string' || !isObject(value.config)) return value;
  const entry = value as Entry;
  const nodes = entry.inbound_nodes;
  if (entry.class_name === 'TFOpLambda') return operation(entry, firstCalls);
  const inbound = Array.isArray(nodes) ? { inbound_nodes: nodes.map((node) => call(node, nameOf(entry), firstCalls)) } : {};
  const named = { ...(entry.name === undefined && Array.isArray(nodes) ? { name: nameOf(entry) } : {}) };
  if (MODELS.includes(entry.class_name) && (entry.module === undefined || entry.module === 'keras' || isTfKeras(entry.module))) {
    return { ...modelEntry(entry, dialect, depth + 1), ...moduleOf(entry.class_name), ...named, ...inbound };
  }
  const className =
    (dialect.keras2 && RENAMED[entry.class_name]) || (!('module' in entry) && EXPORTED[entry.class_name]) || entry.class_name;
  const config = dialect.keras2 ? options(className, entry.config, dialect) : entry.config;
  return { ...entry, class_name: className, config, ...homeOf(entry, className), ...named, ...inbound };
}

/**
 * Where a class is from, for an entry that does not say. Where a layer and an operation share a name it is the layer that says whether it is trained; only
 * TensorFlow.js leaves that out, and says its dtype.
 */
function homeOf(entry: Entry, className: string): Json {
  // Null is a class of the model's own.
  if ('module' in entry) return {};
  // So is a registered one.
  if (entry.class_name.includes('>')) return { module: null, registered_name: entry.class_name };
  if (Object.hasOwn(APPLICATION_CLASSES, className)) return { module: APPLICATION_CLASSES[className]!, registered_name: className };
  const isLayer = 'trainable' in entry.config || (isLayerClass(className) && 'dtype' in entry.config) || className === 'InputLayer';
  if (!isLayer && Array.isArray(entry.inbound_nodes)) return { module: moduleOfOperation(className), registered_name: className };
  return { module: 'keras.layers', registered_name: entry.registered_name ?? null };
}

/** A layer's options as Keras 3 spells them. */
function options(className: string, config: Json, { tfjs }: Dialect): Json {
  const { batch_input_shape: shape, ...rest } = config;
  const read: Json = className === 'InputLayer' && shape !== undefined ? { ...rest, batch_shape: rest.batch_shape ?? shape } : rest;
  // TensorFlow.js writes null for what was never set, Keras its default.
  if (tfjs) for (const [name, value] of Object.entries(read)) if (value === null) delete read[name];
  const policy = read.dtype as { class_name?: unknown; config?: { name?: unknown } } | undefined;
  if (policy?.class_name === 'Policy') read.dtype = policy.config?.name;
  if (Array.isArray(read.axis) && read.axis.length === 1) [read.axis] = read.axis;
  if (className === 'LeakyReLU' && 'alpha' in read) {
    read.negative_slope = read.alpha;
    delete read.alpha;
  }
  // The default of Keras before 2.3 and of TensorFlow.js; those that have the other write it.
  if (className === 'GRU' && read.reset_after === undefined) read.reset_after = false;
  for (const option of ['activation', 'recurrent_activation']) {
    if (read[option] === 'hard_sigmoid') read[option] = KERAS_2_HARD_SIGMOID;
  }
  for (const option of ['layer', 'backward_layer', 'cell', 'cells']) {
    if (option in read) read[option] = wrapped(read[option], { keras2: true, tfjs });
  }
  if (read.time_major === true) {
    throw new Problem('UNSUPPORTED_LAYER_OPTION', `Layer ${config.name} (${className}) has time_major true; accepted: false.`);
  }
  for (const option of [...GONE['*']!, ...(GONE[className] ?? [])]) delete read[option];
  if (className === 'UpSampling2D' && read.interpolation === undefined) read.interpolation = 'nearest';
  return read;
}

/** A layer inside another's options, or a list of them. */
function wrapped(value: unknown, dialect: Dialect): unknown {
  if (Array.isArray(value)) return value.map((item) => wrapped(item, dialect));
  if (!isObject(value) || typeof value.class_name !== 'string' || !isObject(value.config)) return value;
  const className = RENAMED[value.class_name] ?? value.class_name;
  return {
    registered_name: null,
    ...value,
    module: value.module ?? 'keras.layers',
    class_name: className,
    config: options(className, value.config, dialect),
  };
}

/** A call in Keras 3's words. Those that are in them already have nested models' calls renumbered at most. */
function call(node: unknown, name: string, firstCalls: ReadonlyMap<string, number>): unknown {
  if (!Array.isArray(node)) return [...firstCalls.values()].some((first) => first > 0) ? shifted(node, firstCalls) : node;
  const inputs = isReference(node) ? [node] : node;
  if (!inputs.every(isReference)) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `Layer ${name} is called on something that is not a tensor of the model. Received: ${received(node)}`,
    );
  }
  const tensors = inputs.map((reference) => tensor(reference, firstCalls));
  // Keras 2 gives each of a call's inputs the same keyword arguments.
  const kwargs = argumentsOf(inputs[0]?.[3] ?? {}, firstCalls);
  return { args: [isReference(node) || tensors.length === 1 ? tensors[0] : tensors], kwargs };
}

function tensor(reference: readonly unknown[], firstCalls: ReadonlyMap<string, number>): Json {
  // Keras and we infer shapes, and take any for this one.
  return {
    class_name: '__keras_tensor__',
    config: { shape: [null], dtype: 'float32', keras_history: shifted(reference.slice(0, 3), firstCalls) },
  };
}

function argumentsOf(kwargs: Json, firstCalls: ReadonlyMap<string, number>): Json {
  const read = (value: unknown): unknown => {
    if (isReference(value)) return tensor(value, firstCalls);
    if (Array.isArray(value)) return value.map(read);
    return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(item)])) : value;
  };
  return Object.fromEntries(
    Object.entries(kwargs)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, read(value)]),
  );
}

/** A call of a function of TensorFlow, as the operation that it is. */
function operation(entry: Entry, firstCalls: ReadonlyMap<string, number>): Json {
  const name = nameOf(entry);
  const className = OPERATIONS[String(entry.config.function)];
  const [node, ...more] = Array.isArray(entry.inbound_nodes) ? entry.inbound_nodes : [];
  const [given] = Array.isArray(node) && !isReferenceOrConstant(node) ? node : [node];
  if (className === undefined || !isReferenceOrConstant(given) || more.length > 0) {
    throw new Problem(
      'UNSUPPORTED_LAYER',
      `Layer ${name} calls TensorFlow's ${received(entry.config.function)}. Supported: ${Object.keys(OPERATIONS).join(', ')}. Use a layer of Keras instead.`,
    );
  }
  const { y, ...others } = argumentsOf((given[3] ?? {}) as Json, firstCalls);
  const x = given[0] === CONSTANT ? given[2] : tensor(given, firstCalls);
  if (y === undefined || Object.keys(others).some((key) => key !== 'name')) {
    throw new Problem(
      'UNSUPPORTED_LAYER_OPTION',
      `Layer ${name} (${className}) is called with ${received(given[3])}; accepted: two operands.`,
    );
  }
  return {
    module: moduleOfOperation(className),
    class_name: className,
    config: { name },
    registered_name: className,
    name,
    inbound_nodes: [{ args: [x, y], kwargs: {} }],
  };
}
