/** Reads a model's config into a graph: its layers once, its calls each time that it is called. */
import { Problem, received } from '../errors.ts';
import {
  type CallArguments,
  callArguments,
  operationArguments,
  type Signature,
  sortedEntries,
  type TensorReference,
} from './call-arguments.ts';
import { callKey, executionOrder } from './execution-order.ts';
import type { Graph, Layer, TensorId } from './graph.ts';
import { GraphBuilder, type GraphCall, isOperation } from './graph-builder.ts';
import { asLayerConfig, callOfOutput, isModel, type LayerConfig, layerName, snakeCase } from './layer-config.ts';
import { isLayerClass, layerClass, type Options } from './layers/index.ts';

/** Models in models. */
const DEEPEST = 16;

/** Reads the model as a whole: its inputs and outputs are the graph's. `sample` and what is thrown: see `readGraph`. */
export function readModelInto(graph: Graph, model: LayerConfig, sample: readonly number[] | null): void {
  new ModelReader(new GraphBuilder(graph, sample), model, { prefix: '', folder: '', depth: 0 }).readRoot();
}

/** A layer or a nested model, as its calls see it. */
interface Callee {
  name: string;
  signature: Signature;
  /** The names of its inputs, where they may be given by name. */
  inputNames: readonly string[] | null;
  /** Adds its calls to the graph. */
  call(given: GraphCall): TensorId[];
}

/** A call that waits for its tensors. */
interface Waiting {
  callee: Callee;
  layer: string;
  index: number;
  given: CallArguments;
  from: string[];
}

/** Where a model stands: what comes before its layers' names and folders, and how many models hold it. */
interface Place {
  prefix: string;
  folder: string;
  depth: number;
}

class ModelReader {
  private readonly builder: GraphBuilder;
  private readonly place: Place;
  private readonly config: Options;
  private readonly entries: LayerConfig[];
  private readonly isSequential: boolean;
  private readonly callees = new Map<string, Callee>();
  private readonly classCounts = new Map<string, number>();

  constructor(builder: GraphBuilder, model: LayerConfig, place: Place) {
    this.builder = builder;
    this.place = place;
    this.config = model.config;
    this.isSequential = model.class_name === 'Sequential';
    const { layers } = model.config;
    const where = place.prefix === '' ? 'config.json' : `Model ${place.prefix.slice(0, -1)}`;
    if (!Array.isArray(layers) || layers.length === 0) throw new Problem('MODEL_UNREADABLE', `${where} lists no layers.`);
    if (place.depth > DEEPEST) throw new Problem('MODEL_UNREADABLE', `Models are nested deeper than ${DEEPEST}.`);
    this.entries = layers.map((entry, index) => asLayerConfig(entry, `${place.prefix}config.layers[${index}]`));
  }

  readRoot(): void {
    const { builder } = this;
    this.addLayers();
    const inputs = this.entries.filter((entry) => entry.class_name === 'InputLayer');
    if (this.isSequential) {
      const [first] = this.entries;
      const shape = first!.config.batch_shape ?? first!.config.batch_input_shape ?? this.config.build_input_shape;
      const given = inputs[0] ?? { class_name: 'InputLayer', config: { name: 'input', batch_shape: shape } };
      const output = this.chain(builder.addInput(layerName(given), given));
      builder.addOutput(output, [...this.callees.keys()].at(-1)!);
      return;
    }
    const tensors = new Map(inputs.map((entry) => [layerName(entry), builder.addInput(layerName(entry), entry)]));
    const outputs = this.connect(tensors);
    endpoints(this.config.output_layers).forEach(({ key, reference: [layer] }, index) => {
      builder.addOutput(outputs[index]!, key ?? layer);
    });
    const order = endpoints(this.config.input_layers).map(({ reference: [name] }) => name);
    const given = builder.graph.inputs;
    if (order.length !== given.length || order.some((name) => !given.some((input) => input.name === name))) {
      throw new Problem('MODEL_UNREADABLE', `The model's inputs are [${order.join(', ')}]; its InputLayers are others.`);
    }
    given.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  }

  /** The model as a layer of another: its InputLayers stand between the two, since their shapes are in the config. */
  asCallee(name: string): Callee {
    const inputs = this.entries.filter((entry) => entry.class_name === 'InputLayer');
    if (this.isSequential && inputs.length === 0) {
      inputs.push({ class_name: 'InputLayer', config: { name: 'input', batch_shape: this.config.build_input_shape ?? null } });
    }
    for (const entry of inputs) this.addLayer(entry);
    this.addLayers();
    const ends = this.isSequential
      ? inputs.map((entry) => ({ key: null, reference: [layerName(entry), 0, 0] as const }))
      : endpoints(this.config.input_layers);
    const order = ends.map(({ reference: [input] }) => input);
    if (order.some((input) => !inputs.some((entry) => layerName(entry) === input))) {
      throw new Problem('MODEL_UNREADABLE', `The inputs of model ${name} are [${order.join(', ')}]; its InputLayers are others.`);
    }
    const call = ({ inputs: given, masks }: GraphCall): TensorId[] => {
      if (given.length !== order.length) {
        throw new Problem('MODEL_UNREADABLE', `Model ${name} is called on ${given.length} tensors and has ${order.length} inputs.`);
      }
      const tensors = new Map(
        order.map((input, index) => {
          const tensor = given[index]!;
          const mask = masks[index] ?? null;
          if (mask !== null) this.builder.setMask(tensor, mask);
          return [input, this.callees.get(input)!.call({ inputs: [tensor], extras: {}, masks: [], callOptions: {} })[0]!];
        }),
      );
      if (this.isSequential) return [this.chain(tensors.get(order[0]!)!)];
      return this.connect(tensors);
    };
    return { name, signature: {}, inputNames: ends.map(({ key, reference: [input] }) => key ?? input), call };
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
      const outputs = this.callee(entry).call({ inputs: [current], extras: {}, masks: [], callOptions: {} });
      if (outputs.length !== 1) throw new Problem('MODEL_UNREADABLE', `${name} in a Sequential model has ${outputs.length} outputs.`);
      current = outputs[0]!;
    });
    if (current === input) throw new Problem('MODEL_UNREADABLE', 'The Sequential model has no layers.');
    return current;
  }

  /** The outputs of the layers called as their inbound nodes say, given the inputs' tensors by name. */
  private connect(inputs: ReadonlyMap<string, TensorId>): TensorId[] {
    /** Outputs of each layer's calls; an input counts as its InputLayer's first call. */
    const made = new Map<string, TensorId[]>([...inputs].map(([name, tensor]) => [callKey(name, 0), [tensor]]));
    const ends = endpoints(this.config.output_layers).map(({ reference }) => this.ofOutput(reference));
    const waiting = executionOrder(
      this.calls(inputs),
      ends.map(([layer, index]) => callKey(layer, index)),
    );
    const find = ([source, call, output]: TensorReference): TensorId | undefined => made.get(callKey(source, call))?.[output];
    while (waiting.length > 0) {
      const before = waiting.length;
      // In Keras' order nothing waits; a config that Keras did not write may have calls that do.
      for (let at = 0; at < waiting.length; ) {
        const { callee, layer, index, given } = waiting[at]!;
        const tensors = resolved(given, callee, find);
        if (tensors === null) {
          at++;
          continue;
        }
        made.set(callKey(layer, index), callee.call(tensors));
        waiting.splice(at, 1);
      }
      if (waiting.length === before) {
        throw new Problem('MODEL_UNREADABLE', `Layer ${waiting[0]!.callee.name} is called on tensors that no layer makes.`);
      }
    }
    return ends.map((reference) => {
      const tensor = find(reference);
      if (tensor === undefined) throw new Problem('MODEL_UNREADABLE', `The model's output ${reference[0]} is made by no layer.`);
      return tensor;
    });
  }

  /** An output's tensor, as calls refer to it. */
  private ofOutput([layer, index, output]: TensorReference): TensorReference {
    const entry = this.entries.find((candidate) => layerName(candidate) === layer);
    return [layer, entry ? callOfOutput(entry, index) : index, output];
  }

  /** Every call of the config. */
  private calls(inputs: ReadonlyMap<string, TensorId>): Waiting[] {
    const names = new Set(inputs.keys());
    return this.entries.flatMap((entry) => {
      if (entry.class_name === 'InputLayer') return [];
      const layer = layerName(entry);
      const callee = this.callee(entry);
      if (names.has(layer)) throw new Problem('MODEL_UNREADABLE', `Two layers are named ${layer}.`);
      names.add(layer);
      return (entry.inbound_nodes ?? []).map((node, index): Waiting => {
        const given = isOperation(entry) ? operationCall(entry, layer) : callArguments(node, layer, callee.signature);
        const tensors = [...given.inputs, ...Object.values(given.extras).flat(), ...given.masks.filter((mask) => mask !== null)];
        return { callee, layer, index, given, from: tensors.map(([source, call]) => callKey(source, call)) };
      });
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
    const callee = new ModelReader(this.builder, entry, place).asCallee(name);
    this.callees.set(name, callee);
    return callee;
  }

  private addLayer(entry: LayerConfig): void {
    const ownName = layerName(entry);
    const name = `${this.place.prefix}${ownName}`;
    if (this.callees.has(ownName)) throw new Problem('MODEL_UNREADABLE', `Two layers are named ${name}.`);
    const operands =
      isOperation(entry) && operationClass(entry)
        ? operationArguments(onlyNode(entry, name), name, parametersOf(entry)).operands
        : undefined;
    const layer: Layer = this.builder.addLayer(entry, name, operands, (className) => this.folderOf(className));
    const { callTensors: tensors, callExtras: extras, callPositions: positional, callOptions: options } = layerClass(layer.className);
    const signature: Signature = {
      ...(tensors ? { tensors } : {}),
      ...(extras ? { extras } : {}),
      ...(positional ? { positional } : {}),
      ...(options ? { options } : {}),
    };
    this.callees.set(ownName, { name: ownName, signature, inputNames: null, call: (given) => this.builder.addCall(layer, given) });
  }

  /** The folder of the next layer of a class, which Keras counts class by class and model by model. */
  private folderOf(className: string): string {
    const snake = snakeCase(className);
    const count = this.classCounts.get(snake) ?? 0;
    this.classCounts.set(snake, count + 1);
    return `${this.place.folder}layers/${count === 0 ? snake : `${snake}_${count}`}`;
  }
}

/** The call's arguments as tensors of the graph; null where one is not made yet. */
function resolved(
  given: CallArguments,
  { name, inputNames }: Callee,
  find: (reference: TensorReference) => TensorId | undefined,
): GraphCall | null {
  let { inputs, masks } = given;
  if (inputNames && given.inputNames.some((key) => key !== null)) {
    // A model takes a dictionary by its inputs' names, whatever else is in it.
    const order = inputNames.map((input) => given.inputNames.indexOf(input));
    if (order.includes(-1)) {
      const names = given.inputNames.filter((key) => key !== null);
      throw new Problem(
        'MODEL_UNREADABLE',
        `Model ${name} is called with inputs named ${names.join(', ')}; it takes ${inputNames.join(', ')}.`,
      );
    }
    inputs = order.map((index) => given.inputs[index]!);
    masks = order.map((index) => given.masks[index] ?? null);
  }
  const tensors = inputs.map(find);
  const maskTensors = masks.map((mask) => (mask === null ? null : find(mask)));
  const extras = Object.entries(given.extras).map(([extra, references]) => [extra, references.map(find)] as const);
  const all = [...tensors, ...maskTensors, ...extras.flatMap(([, found]) => found)];
  if (all.some((tensor) => tensor === undefined)) return null;
  return {
    inputs: tensors as TensorId[],
    extras: Object.fromEntries(extras) as Record<string, TensorId[]>,
    masks: maskTensors as (TensorId | null)[],
    callOptions: given.options,
  };
}

function operationCall(entry: LayerConfig, name: string): CallArguments {
  const { inputs } = operationArguments(onlyNode(entry, name), name, parametersOf(entry));
  return { inputs, inputNames: inputs.map(() => null), extras: {}, masks: inputs.map(() => null), options: {} };
}

const operationClass = ({ class_name: className }: LayerConfig): boolean => isLayerClass(`ops.${className}`);

function parametersOf({ class_name: className }: LayerConfig): readonly string[] {
  const name = `ops.${className}`;
  return isLayerClass(name) ? (layerClass(name).callTensors ?? ['x']) : [];
}

function onlyNode(entry: LayerConfig, name: string): unknown {
  const [node, ...more] = entry.inbound_nodes ?? [];
  if (node !== undefined && more.length === 0) return node;
  throw new Problem('MODEL_UNREADABLE', `Operation ${name} is not called once on its operands. Received: ${received(entry.inbound_nodes)}`);
}

/** `input_layers` or `output_layers`: one triple, or lists and dictionaries of them, with the key that a dictionary gives each. */
function endpoints(value: unknown): { key: string | null; reference: TensorReference }[] {
  const found: { key: string | null; reference: TensorReference }[] = [];
  const isTriple = (item: unknown): item is TensorReference =>
    Array.isArray(item) && item.length === 3 && typeof item[0] === 'string' && Number.isInteger(item[1]) && Number.isInteger(item[2]);
  const collect = (item: unknown, key: string | null): boolean => {
    if (isTriple(item)) return found.push({ key, reference: item }) > 0;
    if (Array.isArray(item)) return item.every((entry) => collect(entry, key));
    return item !== null && typeof item === 'object' && sortedEntries(item).every(([name, entry]) => collect(entry, name));
  };
  if (!collect(value, null) || found.length === 0) {
    throw new Problem('MODEL_UNREADABLE', `The model's inputs or outputs cannot be read. Received: ${received(value)}`);
  }
  return found;
}
