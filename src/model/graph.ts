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
  name: string;
  className: LayerClassName;
  /** The `config` object inside the document's config, not a copy. */
  options: Options;
  trainable: boolean;
  /** Named as in the layer; the key in the document's weights is `<layer>/<weight>`. */
  weights: WeightSpec[];
  /** `layers/<class>_<n>` inside a `.keras` file. */
  storePath: string;
}

/** One use of a layer. A shared layer has several. */
export interface Call {
  layer: Layer;
  inputs: TensorId[];
  output: TensorId;
  outputShape: Shape;
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

interface LayerConfig {
  class_name: string;
  module?: string;
  registered_name?: string | null;
  name?: string;
  config: Options & { name?: string; trainable?: boolean };
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
  const entries = model.config.layers;
  if (!Array.isArray(entries) || entries.length === 0) throw new Problem('MODEL_UNREADABLE', 'config.json lists no layers.');
  const builder = new GraphBuilder(String(model.config.name ?? 'model'));
  const layers = entries.map((entry, index) => asLayerConfig(entry, `config.layers[${index}]`));
  return model.class_name === 'Sequential' ? builder.sequential(layers, model.config) : builder.functional(layers, model.config);
}

function asLayerConfig(value: unknown, place: string): LayerConfig {
  const entry = value as Partial<LayerConfig> | null;
  if (!entry || typeof entry !== 'object' || typeof entry.class_name !== 'string' || !entry.config || typeof entry.config !== 'object') {
    throw new Problem('MODEL_UNREADABLE', `${place} is not a serialised Keras object. Received: ${received(value)}`);
  }
  return entry as LayerConfig;
}

class GraphBuilder {
  private readonly graph: Graph;
  private readonly byName = new Map<string, Layer>();
  private readonly classCounts = new Map<string, number>();
  /** Outputs of each layer's calls in order; a model input counts as its InputLayer's first call. */
  private readonly tensorsOf = new Map<string, TensorId[]>();

  constructor(name: string) {
    this.graph = { name, layers: [], calls: [], inputs: [], outputs: [], shapes: [] };
  }

  sequential(entries: LayerConfig[], config: Options): Graph {
    let shape: unknown = config.build_input_shape;
    let current: TensorId | null = null;
    for (const entry of entries) {
      if (entry.class_name === 'InputLayer') {
        if (current !== null)
          throw new Problem('MODEL_UNREADABLE', `InputLayer ${layerName(entry)} stands behind the model's first layer.`);
        current = this.addInput(entry);
        continue;
      }
      if (current === null) {
        shape = entry.config.batch_shape ?? entry.config.batch_input_shape ?? shape;
        current = this.addInput({ class_name: 'InputLayer', config: { name: 'input', batch_shape: shape } });
      }
      current = this.addCall(this.addLayer(entry), [current]);
    }
    if (current === null || this.graph.calls.length === 0) throw new Problem('MODEL_UNREADABLE', 'The Sequential model has no layers.');
    this.addOutput(current);
    return this.graph;
  }

  functional(entries: LayerConfig[], config: Options): Graph {
    const waiting: { entry: LayerConfig; layer: Layer; node: number; inputs: [string, number][] }[] = [];
    for (const entry of entries) {
      const name = layerName(entry);
      if (entry.class_name === 'InputLayer') {
        this.tensorsOf.set(name, [this.addInput(entry)]);
        continue;
      }
      const layer = this.addLayer(entry);
      this.tensorsOf.set(name, []);
      (entry.inbound_nodes ?? []).forEach((node, index) => {
        waiting.push({ entry, layer, node: index, inputs: inboundTensors(node, name) });
      });
    }
    // Keras lists layers, not calls: a shared layer's second call may need a layer that stands later.
    while (waiting.length > 0) {
      const before = waiting.length;
      for (let index = 0; index < waiting.length; ) {
        const { layer, node, inputs } = waiting[index]!;
        const tensors = inputs.map(([source, at]) => this.tensorsOf.get(source)?.[at]);
        if (this.tensorsOf.get(layer.name)!.length !== node || tensors.some((tensor) => tensor === undefined)) {
          index++;
          continue;
        }
        this.tensorsOf.get(layer.name)!.push(this.addCall(layer, tensors as TensorId[]));
        waiting.splice(index, 1);
      }
      if (waiting.length === before) {
        throw new Problem('MODEL_UNREADABLE', `Layer ${waiting[0]!.layer.name} is called on tensors that no layer makes.`);
      }
    }
    for (const [name, node] of endpoints(config.output_layers)) {
      const tensor = this.tensorsOf.get(name)?.[node];
      if (tensor === undefined) throw new Problem('MODEL_UNREADABLE', `The model's output ${name} is made by no layer.`);
      this.addOutput(tensor);
    }
    const order = endpoints(config.input_layers).map(([name]) => name);
    if (order.length !== this.graph.inputs.length || order.some((name) => !this.graph.inputs.some((input) => input.name === name))) {
      throw new Problem('MODEL_UNREADABLE', `The model's inputs are [${order.join(', ')}]; its InputLayers are others.`);
    }
    this.graph.inputs.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    return this.graph;
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
    if (!/^(float(16|32|64)|bfloat16)$/.test(dtype)) {
      throw new Problem('UNSUPPORTED_LAYER_OPTION', `Input ${layerName(entry)} takes ${dtype}; floating-point inputs can be read.`);
    }
    const tensor = this.addTensor((batchShape as (number | null)[]).slice(1));
    this.graph.inputs.push({ name: layerName(entry), tensor, shape: this.graph.shapes[tensor]! });
    return tensor;
  }

  private addLayer(entry: LayerConfig): Layer {
    const name = layerName(entry);
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
    if (!isLayerClass(entry.class_name) || !module.startsWith('keras.layers')) {
      const kind = module.startsWith('keras.layers') ? entry.class_name : `${module}.${entry.class_name}`;
      throw new Problem(
        'UNSUPPORTED_LAYER',
        `Layer ${name} is a ${kind}. Supported: InputLayer, ${Object.keys(LAYER_CLASSES).join(', ')}.`,
      );
    }
    if (this.byName.has(name)) throw new Problem('MODEL_UNREADABLE', `Two layers are named ${name}.`);
    const policy = dtypePolicy(entry.config.dtype);
    if (policy !== 'float32') {
      throw new Problem('UNSUPPORTED_LAYER_OPTION', `Layer ${name} (${entry.class_name}) has the dtype policy ${policy}; float32 is run.`);
    }
    const className = entry.class_name;
    const refused = guard(name, className, () => layerClass(className).refuse?.(entry.config) ?? null);
    if (refused) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Layer ${name} (${entry.class_name}) has ${refused.option} ${received(refused.received)}; accepted: ${refused.accepted}.`,
      );
    }
    const count = this.classCounts.get(entry.class_name) ?? 0;
    this.classCounts.set(entry.class_name, count + 1);
    const snake = snakeCase(entry.class_name);
    const layer: Layer = {
      name,
      className: entry.class_name,
      options: entry.config,
      trainable: entry.config.trainable !== false,
      weights: [],
      storePath: `layers/${count === 0 ? snake : `${snake}_${count}`}`,
    };
    this.byName.set(name, layer);
    this.graph.layers.push(layer);
    return layer;
  }

  private addCall(layer: Layer, inputs: TensorId[]): TensorId {
    const facts = layerClass(layer.className);
    const shapes = inputs.map((tensor) => this.graph.shapes[tensor]!);
    const outputShape = guard(layer.name, layer.className, () => facts.outputShape(layer.options, shapes));
    const weights = guard(layer.name, layer.className, () => facts.weights?.(layer.options, shapes) ?? []);
    const differs = layer.weights.length > 0 && JSON.stringify(layer.weights) !== JSON.stringify(weights);
    if (differs) throw new Problem('MODEL_UNREADABLE', `Layer ${layer.name} is called on inputs that need different weights.`);
    layer.weights = weights;
    const output = this.addTensor(outputShape);
    this.graph.calls.push({ layer, inputs, output, outputShape });
    return output;
  }

  private addTensor(shape: Shape): TensorId {
    if (size(shape) > LARGEST_TENSOR) {
      throw new Problem('MODEL_UNREADABLE', `A tensor of shape [${shape.join(', ')}] has more than ${LARGEST_TENSOR} elements a sample.`);
    }
    return this.graph.shapes.push(shape) - 1;
  }

  private addOutput(tensor: TensorId): void {
    const call = this.graph.calls.find((candidate) => candidate.output === tensor);
    const name = call?.layer.name ?? this.graph.inputs.find((input) => input.tensor === tensor)!.name;
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

/** The tensors of a Keras 3 inbound node as [layer, call]; tensors elsewhere than in the positional arguments are refused. */
function inboundTensors(node: unknown, layer: string): [string, number][] {
  const { args, kwargs } = (node ?? {}) as { args?: unknown; kwargs?: Record<string, unknown> };
  if (!Array.isArray(args)) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `Layer ${layer} has an inbound node that is not Keras 3's {args, kwargs}. Received: ${received(node)}`,
    );
  }
  for (const [name, value] of Object.entries(kwargs ?? {})) {
    if (value !== null && typeof value === 'object') {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Layer ${layer} is called with ${name}=${received(value)}; only its inputs may be tensors.`,
      );
    }
  }
  const tensors: [string, number][] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) collect(item);
      return;
    }
    const tensor = value as { class_name?: string; config?: { keras_history?: unknown } } | null;
    const history = tensor?.class_name === '__keras_tensor__' ? tensor.config?.keras_history : undefined;
    if (!Array.isArray(history) || typeof history[0] !== 'string' || !Number.isInteger(history[1]) || history[2] !== 0) {
      throw new Problem(
        'MODEL_UNREADABLE',
        `Layer ${layer} is called on something that is not a tensor of the model. Received: ${received(value)}`,
      );
    }
    tensors.push([history[0], history[1]]);
  };
  collect(args);
  return tensors;
}

/** `input_layers` or `output_layers` as [layer, call]: one triple, a list of triples, or a dictionary of them. */
function endpoints(value: unknown): [string, number][] {
  const isTriple = (item: unknown): item is [string, number, number] =>
    Array.isArray(item) && item.length === 3 && typeof item[0] === 'string';
  const list = isTriple(value) ? [value] : Array.isArray(value) ? value : value && typeof value === 'object' ? Object.values(value) : [];
  if (list.length === 0 || !list.every(isTriple)) {
    throw new Problem('MODEL_UNREADABLE', `The model's inputs or outputs cannot be read. Received: ${received(value)}`);
  }
  return list.map(([name, node]) => [name, node]);
}
