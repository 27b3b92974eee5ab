/** A Keras config as a graph: layers, the calls between them, and the shapes that flow. Nothing is run. */
import { Problem, received } from '../errors.ts';
import {
  isLayerClass,
  LAYER_CLASSES,
  type LayerClassName,
  layerClass,
  type Options,
  type Shape,
  size,
  type WeightSpec,
} from './layers/index.ts';

/** A tensor in the graph: output of a call, or a model input. Calls and inputs are numbered together. */
export type TensorId = number;

export interface Layer {
  /** Of a layer in a nested model `<model>/<layer>`, which is no name that Keras allows. */
  name: string;
  className: LayerClassName;
  /** The `config` object inside the document's config, not a copy; of an operation such as `x + 1` a copy, with the `operands` of its call. */
  options: Options;
  trainable: boolean;
  /** Named as in the layer; the key in the document's weights is `<layer>/<weight>`. */
  weights: WeightSpec[];
  /** `layers/<class>_<n>` inside a `.keras` file, behind the paths of the models that hold it. */
  storePath: string;
}

/** One use of a layer. A shared layer has several. */
export interface Call {
  layer: Layer;
  inputs: TensorId[];
  output: TensorId;
  outputShape: Shape;
  /** Arguments of this call that its class reads, such as `use_causal_mask`. */
  callOptions: Options;
}

export interface Graph {
  name: string;
  layers: Layer[];
  /** In an order in which each call's inputs are known. */
  calls: Call[];
  inputs: { name: string; tensor: TensorId; shape: Shape }[];
  outputs: { name: string; tensor: TensorId; shape: Shape }[];
  /** Of every tensor, without the batch axis. */
  shapes: Shape[];
}

/** The weight's key in the document. */
export function weightKey(layer: Pick<Layer, 'name'>, weight: string): string {
  return `${layer.name}/${weight}`;
}

/** Elements of one sample's tensor, 256 MiB of float32: what is done per element (channel maps) stays bounded whatever a config says. */
const LARGEST_TENSOR = 2 ** 26;

/** Models in models. */
const DEEPEST = 16;

/** A nested model that is called often calls each of its layers as often. */
const MOST_CALLS = 100_000;

/** Classes of `keras.applications` itself. */
const APPLICATION_CLASSES: Readonly<Record<string, string>> = {
  CustomScaleLayer: 'keras.src.applications.inception_resnet_v2',
  LayerScale: 'keras.src.applications.convnext',
  StochasticDepth: 'keras.src.applications.convnext',
};

/** The class that a module's class is here. Operations share names with layers: `x + y` is an Add of `keras.src.ops`. */
function builtInClass(module: string, className: string): LayerClassName | null {
  const isOperation = /^keras\.(src\.)?ops(\.|$)/.test(module);
  const name = isOperation ? `ops.${className}` : className;
  if (!isLayerClass(name) || (className.includes('.') && !isOperation)) return null;
  const home = Object.hasOwn(APPLICATION_CLASSES, className) ? APPLICATION_CLASSES[className]! : 'keras.layers';
  return isOperation || module === home || module.startsWith(`${home}.`) ? name : null;
}

export interface LayerConfig {
  class_name: string;
  module?: string;
  registered_name?: string | null;
  name?: string;
  config: Options & { name?: string; trainable?: boolean };
  build_config?: unknown;
  inbound_nodes?: unknown[];
}

/** A name as Keras makes it from a class name for the paths in a `.keras` file. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/**
 * The graph of a Keras 3 model config (Sequential or Functional).
 * Throws Problem: MODEL_UNREADABLE, UNSUPPORTED_LAYER, UNSUPPORTED_LAYER_OPTION, CUSTOM_CODE_IN_MODEL.
 */
export function readGraph(config: unknown): Graph {
  const model = asLayerConfig(config, 'config.json');
  const known = model.module === undefined || model.module.startsWith('keras') || model.module === 'tf_keras';
  if (!known || (model.class_name !== 'Sequential' && model.class_name !== 'Functional' && model.class_name !== 'Model')) {
    throw new Problem(
      'CUSTOM_CODE_IN_MODEL',
      `The model is of class ${model.module ?? ''}.${model.class_name}; Sequential and Functional models can be read, since they need no code of their own.`,
    );
  }
  const graph: Graph = { name: String(model.config.name ?? 'model'), layers: [], calls: [], inputs: [], outputs: [], shapes: [] };
  new ModelReader(graph, model, { prefix: '', folder: '', depth: 0 }).readRoot();
  return graph;
}

/** Every layer's entry in a model's config, those in nested models too, by its name in the graph; and the entries of the models themselves. */
export function layerEntries(config: unknown, prefix = ''): { name: string; entry: LayerConfig }[] {
  const { layers } = (config as { config: { layers: LayerConfig[] } }).config;
  return layers.flatMap((entry) => {
    const name = `${prefix}${entry.config.name ?? entry.name}`;
    return [{ name, entry }, ...(isModel(entry) ? layerEntries(entry, `${name}/`) : [])];
  });
}

/** Whether the entry is a model by itself rather than a layer. */
function isModel({ class_name, module = 'keras' }: LayerConfig): boolean {
  return /^keras(\.|$)/.test(module) && !module.startsWith('keras.layers') && ['Sequential', 'Functional', 'Model'].includes(class_name);
}

function asLayerConfig(value: unknown, place: string): LayerConfig {
  const entry = value as Partial<LayerConfig> | null;
  if (!entry || typeof entry !== 'object' || typeof entry.class_name !== 'string' || !entry.config || typeof entry.config !== 'object') {
    throw new Problem('MODEL_UNREADABLE', `${place} is not a serialised Keras object. Received: ${received(value)}`);
  }
  return entry as LayerConfig;
}

/** A layer or a nested model, as its calls see it. */
interface Callee {
  name: string;
  /** Names of the inputs that may be given by keyword, in their order. */
  callTensors: readonly string[];
  callOptions: readonly string[];
  /** Whether numbers may stand among its inputs. */
  isOperation: boolean;
  /** Adds its calls to the graph. */
  call(inputs: TensorId[], callOptions: Options): TensorId[];
}

/** A tensor as [layer, its call, the call's output]. */
type TensorReference = [string, number, number];

/** Where a model stands: what comes before its layers' names and folders, and how many models hold it. */
interface Place {
  prefix: string;
  folder: string;
  depth: number;
}

/** Reads one model into the graph: its layers once, its calls each time that it is called. */
class ModelReader {
  private readonly graph: Graph;
  private readonly place: Place;
  private readonly config: Options;
  private readonly entries: LayerConfig[];
  private readonly isSequential: boolean;
  private readonly callees = new Map<string, Callee>();
  private readonly classCounts = new Map<string, number>();

  constructor(graph: Graph, model: LayerConfig, place: Place) {
    this.graph = graph;
    this.place = place;
    this.config = model.config;
    this.isSequential = model.class_name === 'Sequential';
    const { layers } = model.config;
    const where = place.prefix === '' ? 'config.json' : `Model ${place.prefix.slice(0, -1)}`;
    if (!Array.isArray(layers) || layers.length === 0) throw new Problem('MODEL_UNREADABLE', `${where} lists no layers.`);
    if (place.depth > DEEPEST) throw new Problem('MODEL_UNREADABLE', `Models are nested deeper than ${DEEPEST}.`);
    this.entries = layers.map((entry, index) => asLayerConfig(entry, `${place.prefix}config.layers[${index}]`));
  }

  /** The model as a whole: its inputs and outputs are the graph's. */
  readRoot(): void {
    this.addLayers();
    const inputs = this.entries.filter((entry) => entry.class_name === 'InputLayer');
    if (this.isSequential) {
      const [first] = this.entries;
      const shape = first!.config.batch_shape ?? first!.config.batch_input_shape ?? this.config.build_input_shape;
      const given = inputs[0] ?? { class_name: 'InputLayer', config: { name: 'input', batch_shape: shape } };
      const output = this.chain(this.addInput(given));
      this.addOutput(output, [...this.callees.keys()].at(-1)!);
      return;
    }
    const tensors = new Map(inputs.map((entry) => [layerName(entry), this.addInput(entry)]));
    const outputs = this.connect(tensors);
    endpoints(this.config.output_layers).forEach(([name], index) => {
      this.addOutput(outputs[index]!, name);
    });
    const order = endpoints(this.config.input_layers).map(([name]) => name);
    if (order.length !== this.graph.inputs.length || order.some((name) => !this.graph.inputs.some((input) => input.name === name))) {
      throw new Problem('MODEL_UNREADABLE', `The model's inputs are [${order.join(', ')}]; its InputLayers are others.`);
    }
    this.graph.inputs.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  }

  /** The model as a layer of another: its InputLayers stand between the two, since their shapes are in the config. */
  asCallee(name: string): Callee {
    const inputs = this.entries.filter((entry) => entry.class_name === 'InputLayer');
    if (this.isSequential && inputs.length === 0) {
      inputs.push({ class_name: 'InputLayer', config: { name: 'input', batch_shape: this.config.build_input_shape ?? null } });
    }
    for (const entry of inputs) this.addLayer(entry);
    this.addLayers();
    const order = this.isSequential ? inputs.map(layerName) : endpoints(this.config.input_layers).map(([input]) => input);
    if (order.some((input) => !inputs.some((entry) => layerName(entry) === input))) {
      throw new Problem('MODEL_UNREADABLE', `The inputs of model ${name} are [${order.join(', ')}]; its InputLayers are others.`);
    }
    const call = (given: TensorId[]): TensorId[] => {
      if (given.length !== order.length) {
        throw new Problem('MODEL_UNREADABLE', `Model ${name} is called on ${given.length} tensors and has ${order.length} inputs.`);
      }
      const tensors = new Map(order.map((input, index) => [input, this.callees.get(input)!.call([given[index]!], {})[0]!]));
      if (this.isSequential) return [this.chain(tensors.get(order[0]!)!)];
      return this.connect(tensors);
    };
    return { name, callTensors: [], callOptions: [], isOperation: false, call };
  }

  /** Adds layers in the config's order, which is Keras' order of weights, whatever the calls'. */
  private addLayers(): void {
    for (const entry of this.entries) if (entry.class_name !== 'InputLayer') this.callee(entry);
  }

  /** The last of the layers called one after the other. */
  private chain(input: TensorId): TensorId {
    let current = input;
    const names = new Set<string>();
    this.entries.forEach((entry, index) => {
      const name = layerName(entry);
      if (names.has(name)) throw new Problem('MODEL_UNREADABLE', `Two layers are named ${name}.`);
      names.add(name);
      if (entry.class_name === 'InputLayer') {
        if (index > 0) throw new Problem('MODEL_UNREADABLE', `InputLayer ${name} stands behind the model's first layer.`);
        return;
      }
      const outputs = this.callee(entry).call([current], {});
      if (outputs.length !== 1) throw new Problem('MODEL_UNREADABLE', `${name} in a Sequential model has ${outputs.length} outputs.`);
      current = outputs[0]!;
    });
    if (current === input) throw new Problem('MODEL_UNREADABLE', 'The Sequential model has no layers.');
    return current;
  }

  /** The outputs of the layers called as their inbound nodes say, given the inputs' tensors by name. */
  private connect(inputs: ReadonlyMap<string, TensorId>): TensorId[] {
    /** Outputs of each layer's calls in order; an input counts as its InputLayer's first call. */
    const tensorsOf = new Map<string, TensorId[][]>([...inputs].map(([name, tensor]) => [name, [[tensor]]]));
    const waiting: { callee: Callee; node: number; inputs: TensorReference[]; callOptions: Options }[] = [];
    for (const entry of this.entries) {
      if (entry.class_name === 'InputLayer') continue;
      const name = layerName(entry);
      const callee = this.callee(entry);
      if (tensorsOf.has(name)) throw new Problem('MODEL_UNREADABLE', `Two layers are named ${name}.`);
      tensorsOf.set(name, []);
      (entry.inbound_nodes ?? []).forEach((node, index) => {
        waiting.push({ callee, node: index, inputs: inboundTensors(node, callee), callOptions: callOptionsOf(node, callee) });
      });
    }
    const find = ([source, call, output]: TensorReference): TensorId | undefined => tensorsOf.get(source)?.[call]?.[output];
    // Keras lists layers, not calls: a shared layer's second call may need a layer that stands later.
    while (waiting.length > 0) {
      const before = waiting.length;
      for (let index = 0; index < waiting.length; ) {
        const { callee, node, inputs: references, callOptions } = waiting[index]!;
        const made = tensorsOf.get(callee.name)!;
        const tensors = references.map(find);
        if (made.length !== node || tensors.some((tensor) => tensor === undefined)) {
          index++;
          continue;
        }
        made.push(callee.call(tensors as TensorId[], callOptions));
        waiting.splice(index, 1);
      }
      if (waiting.length === before) {
        throw new Problem('MODEL_UNREADABLE', `Layer ${waiting[0]!.callee.name} is called on tensors that no layer makes.`);
      }
    }
    return endpoints(this.config.output_layers).map((reference) => {
      const tensor = find(reference);
      if (tensor === undefined) throw new Problem('MODEL_UNREADABLE', `The model's output ${reference[0]} is made by no layer.`);
      return tensor;
    });
  }

  /** The layer or model of an entry, added to the graph where it is not there yet. */
  private callee(entry: LayerConfig): Callee {
    const name = layerName(entry);
    const present = this.callees.get(name);
    if (present) return present;
    if (!isModel(entry)) {
      this.addLayer(entry);
      return this.callees.get(name)!;
    }
    const place = { prefix: `${this.place.prefix}${name}/`, folder: `${this.folderOf(entry.class_name)}/`, depth: this.place.depth + 1 };
    const callee = new ModelReader(this.graph, entry, place).asCallee(name);
    this.callees.set(name, callee);
    return callee;
  }

  /** The folder of the next layer of a class, which Keras counts class by class and model by model. */
  private folderOf(className: string): string {
    const snake = snakeCase(className);
    const count = this.classCounts.get(snake) ?? 0;
    this.classCounts.set(snake, count + 1);
    return `${this.place.folder}layers/${count === 0 ? snake : `${snake}_${count}`}`;
  }

  private addInput(entry: LayerConfig): TensorId {
    const batchShape = entry.config.batch_shape ?? entry.config.batch_input_shape;
    const valid =
      Array.isArray(batchShape) && batchShape.every((dimension) => dimension === null || (Number.isInteger(dimension) && dimension >= 0));
    if (!valid) {
      throw new Problem(
        'MODEL_UNREADABLE',
        `The model's input shape is not in the file: call the model once, or begin it with keras.Input, before saving. Received: ${received(batchShape)}`,
      );
    }
    const dtype = typeof entry.config.dtype === 'string' ? entry.config.dtype : 'float32';
    if (!/^(float(16|32|64)|bfloat16|int(32|64))$/.test(dtype)) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Input ${layerName(entry)} takes ${dtype}; floating-point, int32 and int64 inputs can be read.`,
      );
    }
    const tensor = this.addTensor((batchShape as (number | null)[]).slice(1));
    this.graph.inputs.push({ name: layerName(entry), tensor, shape: this.graph.shapes[tensor]! });
    return tensor;
  }

  private addLayer(entry: LayerConfig): Layer {
    const ownName = layerName(entry);
    const name = `${this.place.prefix}${ownName}`;
    const module = entry.module ?? 'keras.layers';
    if (
      entry.class_name === 'Lambda' ||
      !module.startsWith('keras') ||
      (entry.registered_name && entry.registered_name !== entry.class_name)
    ) {
      throw new Problem(
        'CUSTOM_CODE_IN_MODEL',
        `Layer ${name} is ${module}.${entry.registered_name ?? entry.class_name}, which needs code of the model's own; that is never run. Replace it with built-in layers.`,
      );
    }
    const className = builtInClass(module, entry.class_name);
    if (className === null) {
      const kind = module.startsWith('keras.layers') ? entry.class_name : `${module}.${entry.class_name}`;
      throw new Problem('UNSUPPORTED_LAYER', `Layer ${name} is a ${kind}. Supported: ${Object.keys(LAYER_CLASSES).join(', ')}.`);
    }
    if (this.callees.has(ownName)) throw new Problem('MODEL_UNREADABLE', `Two layers are named ${name}.`);
    const policy = dtypePolicy(entry.config.dtype);
    if (policy !== 'float32') {
      throw new Problem('UNSUPPORTED_LAYER_OPTION', `Layer ${name} (${className}) has the dtype policy ${policy}; float32 is run.`);
    }
    const isOperation = className.startsWith('ops.');
    const options = isOperation ? { ...entry.config, operands: operandsOf(entry, name) } : entry.config;
    const facts = layerClass(className);
    const refused = guard(name, className, () => facts.refuse?.(options) ?? null);
    if (refused) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Layer ${name} (${className}) has ${refused.option} ${received(refused.received)}; accepted: ${refused.accepted}.`,
      );
    }
    const layer: Layer = {
      name,
      className,
      options,
      trainable: entry.config.trainable !== false,
      weights: [],
      // Operations have no folder.
      storePath: isOperation ? '' : this.folderOf(facts.folderClass ?? className),
    };
    this.callees.set(ownName, {
      name: ownName,
      callTensors: facts.callTensors ?? [],
      callOptions: facts.callOptions ?? [],
      isOperation,
      call: (inputs, callOptions) => [this.addCall(layer, inputs, callOptions)],
    });
    this.graph.layers.push(layer);
    return layer;
  }

  private addCall(layer: Layer, inputs: TensorId[], callOptions: Options): TensorId {
    if (this.graph.calls.length >= MOST_CALLS) throw new Problem('MODEL_UNREADABLE', `The model makes more than ${MOST_CALLS} calls.`);
    const facts = layerClass(layer.className);
    const shapes = inputs.map((tensor) => this.graph.shapes[tensor]!);
    const outputShape = guard(layer.name, layer.className, () => facts.outputShape(layer.options, shapes));
    const weights = guard(layer.name, layer.className, () => facts.weights?.(layer.options, shapes) ?? []);
    const differs = layer.weights.length > 0 && JSON.stringify(layer.weights) !== JSON.stringify(weights);
    if (differs) throw new Problem('MODEL_UNREADABLE', `Layer ${layer.name} is called on inputs that need different weights.`);
    layer.weights = weights;
    const output = this.addTensor(outputShape);
    this.graph.calls.push({ layer, inputs, output, outputShape, callOptions });
    return output;
  }

  private addTensor(shape: Shape): TensorId {
    if (size(shape) > LARGEST_TENSOR) {
      throw new Problem('MODEL_UNREADABLE', `A tensor of shape [${shape.join(', ')}] has more than ${LARGEST_TENSOR} elements a sample.`);
    }
    return this.graph.shapes.push(shape) - 1;
  }

  private addOutput(tensor: TensorId, name: string): void {
    this.graph.outputs.push({ name, tensor, shape: this.graph.shapes[tensor]! });
  }
}

function layerName(entry: LayerConfig): string {
  const name = entry.config.name ?? entry.name;
  if (typeof name !== 'string' || name === '' || name.length > 512) {
    throw new Problem('MODEL_UNREADABLE', `A ${entry.class_name} layer has no name. Received: ${received(name)}`);
  }
  return name;
}

/** The name of a dtype policy, however it was written. */
function dtypePolicy(dtype: unknown): string {
  if (dtype === null || dtype === undefined) return 'float32';
  if (typeof dtype === 'string') return dtype;
  const policy = dtype as { class_name?: unknown; config?: { name?: unknown } };
  return policy.class_name === 'DTypePolicy' ? String(policy.config?.name ?? 'float32') : String(policy.class_name);
}

/** Errors of a layer's facts, as problems that name the layer. */
function guard<Result>(name: string, className: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('MODEL_UNREADABLE', `Layer ${name} (${className}): ${(error as Error).message}.`, { cause: error });
  }
}

/** The arguments of an inbound node that the layer's class reads and that are no tensors. */
function callOptionsOf(node: unknown, { callOptions }: Callee): Options {
  const { kwargs } = (node ?? {}) as { kwargs?: Record<string, unknown> };
  return Object.fromEntries(callOptions.flatMap((name) => (kwargs && name in kwargs ? [[name, kwargs[name]]] : [])));
}

/** The operands of an operation's one call: numbers as they are, null for a tensor. */
function operandsOf(entry: LayerConfig, name: string): unknown[] {
  const [node, ...more] = entry.inbound_nodes ?? [];
  const { args, kwargs } = (node ?? {}) as { args?: unknown; kwargs?: object };
  if (!Array.isArray(args) || more.length > 0 || Object.keys(kwargs ?? {}).length > 0) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `Operation ${name} is not called once on its operands. Received: ${received(entry.inbound_nodes)}`,
    );
  }
  return args.map((operand: unknown) => (isTensor(operand) ? null : operand));
}

/** Null, or a list of nulls, as Keras writes the masks of several inputs that have none. */
const isNothing = (value: unknown): boolean => value === null || (Array.isArray(value) && value.every(isNothing));

const isTensor = (value: unknown): boolean => (value as { class_name?: unknown } | null)?.class_name === '__keras_tensor__';

/** The tensors of a Keras 3 inbound node; by keyword only those that the layer's class names. */
function inboundTensors(node: unknown, { name: layer, callTensors, isOperation }: Callee): TensorReference[] {
  const { args, kwargs } = (node ?? {}) as { args?: unknown; kwargs?: Record<string, unknown> };
  if (!Array.isArray(args)) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `Layer ${layer} has an inbound node that is not Keras 3's {args, kwargs}. Received: ${received(node)}`,
    );
  }
  const byKeyword = callTensors.slice(args.length);
  for (const [name, value] of Object.entries(kwargs ?? {})) {
    if (!isNothing(value) && typeof value === 'object' && !byKeyword.includes(name)) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Layer ${layer} is called with ${name}=${received(value)}; only its inputs may be tensors.`,
      );
    }
  }
  const tensors: TensorReference[] = [];
  const collect = (value: unknown): void => {
    if (isOperation && !isTensor(value)) return;
    if (Array.isArray(value)) {
      for (const item of value) collect(item);
      return;
    }
    const history = isTensor(value) ? (value as { config?: { keras_history?: unknown } }).config?.keras_history : undefined;
    const [source, call, output] = Array.isArray(history) ? history : [];
    if (typeof source !== 'string' || !Number.isInteger(call) || !Number.isInteger(output)) {
      throw new Problem(
        'MODEL_UNREADABLE',
        `Layer ${layer} is called on something that is not a tensor of the model. Received: ${received(value)}`,
      );
    }
    tensors.push([source, call, output]);
  };
  for (const argument of args) collect(argument);
  for (const name of byKeyword) if (kwargs?.[name]) collect(kwargs[name]);
  return tensors;
}

/** `input_layers` or `output_layers`: one triple, a list of triples, or a dictionary of them. */
function endpoints(value: unknown): TensorReference[] {
  const isTriple = (item: unknown): item is TensorReference => Array.isArray(item) && item.length === 3 && typeof item[0] === 'string';
  const list = isTriple(value) ? [value] : Array.isArray(value) ? value : value && typeof value === 'object' ? Object.values(value) : [];
  if (list.length === 0 || !list.every(isTriple)) {
    throw new Problem('MODEL_UNREADABLE', `The model's inputs or outputs cannot be read. Received: ${received(value)}`);
  }
  return list;
}
