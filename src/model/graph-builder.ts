/** Adds layers and their calls to a graph: what each layer's class says of shapes, weights and masks. */
import { Problem, received } from '../errors.ts';
import { APPLICATION_CLASSES } from './dialect.ts';
import type { Call, Graph, Layer, TensorId } from './graph.ts';
import { dtypePolicy, type LayerConfig } from './layer-config.ts';
import { isLayerClass, LAYER_CLASSES, type LayerClassName, layerClass, type Shape, size } from './layers/index.ts';
import { refusedOption } from './layers/options.ts';
import { refusalOf } from './layers/refused.ts';
import { sampleShape } from './sample-shape.ts';

/** Elements of one sample's tensor, 256 MiB of float32: what is done per element (channel maps) stays bounded whatever a config says. */
const LARGEST_TENSOR = 2 ** 26;

/** A nested model that is called often calls each of its layers as often. */
const MOST_CALLS = 100_000;

/** Policies of layers whose numbers are computed here as float32, which holds all of theirs. */
const POLICIES = ['float32', 'mixed_float16', 'mixed_bfloat16', 'float16', 'bfloat16', 'float64'];

/** Whether the entry is an operation on tensors rather than a layer. */
export const isOperation = (entry: LayerConfig): boolean => /^keras\.(src\.)?ops(\.|$)/.test(entry.module ?? '');

/** The module of a layer's class; older versions of Keras name none. */
const homeOf = ({ module }: LayerConfig): string => module ?? 'keras.layers';

/** The class that a module's class is here. Operations share names with layers: `x + y` is an Add of `keras.src.ops`. */
function builtInClass(entry: LayerConfig): LayerClassName | null {
  const className = entry.class_name;
  const module = homeOf(entry);
  if (isOperation(entry)) {
    const name = `ops.${className}`;
    return isLayerClass(name) ? name : null;
  }
  if (!isLayerClass(className) || className.includes('.')) return null;
  const home = Object.hasOwn(APPLICATION_CLASSES, className) ? APPLICATION_CLASSES[className]! : 'keras.layers';
  return module === home || module.startsWith(`${home}.`) || /^keras\.src\.layers\./.test(module) ? className : null;
}

/** A call with its arguments as tensors of the graph. */
export interface GraphCall extends Pick<Call, 'inputs' | 'extras' | 'callOptions'> {
  /** Masks given to the call itself; the others are those that the inputs carry. */
  masks: (TensorId | null)[];
}

export class GraphBuilder {
  readonly graph: Graph;
  private readonly sample: readonly number[] | null;
  /** The mask that each tensor carries at this point of Keras' run. */
  private readonly masks = new Map<TensorId, TensorId>();
  /** The tensor of which another is the same object in Keras: what one loses of masks, the other does. */
  private readonly same = new Map<TensorId, TensorId>();
  /** Tensors that are the same object outside training alone. */
  private readonly sameOutsideTraining = new Set<TensorId>();
  /** Tensors that lost their mask, and those that did so outside training alone. */
  private readonly lost = { always: new Set<TensorId>(), outsideTraining: new Set<TensorId>() };

  /** `sample`: see `readGraph`. */
  constructor(graph: Graph, sample: readonly number[] | null) {
    this.graph = graph;
    this.sample = sample;
  }

  shape(tensor: TensorId): Shape {
    return this.graph.shapes[tensor]!;
  }

  mask(tensor: TensorId): TensorId | null {
    return this.masks.get(this.root(tensor)) ?? null;
  }

  /** Gives a tensor another mask, as a model does that is called with one. */
  setMask(tensor: TensorId, mask: TensorId): void {
    this.masks.set(this.root(tensor), mask);
  }

  addInput(name: string, entry: LayerConfig): TensorId {
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
    if (!/^(float(16|32|64)|bfloat16|u?int(8|16|32|64)|bool)$/.test(dtype)) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Input ${name} takes ${dtype}; floating-point numbers, whole numbers and bool can be read.`,
      );
    }
    if (entry.config.ragged === true) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Input ${name} is ragged; accepted: false. Pad the sequences, and mask what is padded.`,
      );
    }
    const declared = (batchShape as (number | null)[]).slice(1);
    const tensor = this.addTensor(this.sample ? sampleShape(declared, this.sample) : declared);
    this.graph.inputs.push({ name, tensor, shape: this.shape(tensor), dtype });
    return tensor;
  }

  /** Adds a layer. `folderOf` numbers the folder of its class in a `.keras` file; `node` is the only call of an operation. */
  addLayer(entry: LayerConfig, name: string, operands: unknown, folderOf: (className: string) => string): Layer {
    const { class_name: kind, registered_name: registered } = entry;
    const module = homeOf(entry);
    if (kind === 'Lambda' || !module.startsWith('keras') || (registered && registered !== kind)) {
      throw new Problem(
        'CUSTOM_CODE_IN_MODEL',
        `Layer ${name} is ${registered?.includes('>') ? registered : `${module}.${registered ?? kind}`}, which needs code of the model's own; that is never run. Replace it with built-in layers.`,
      );
    }
    const className = builtInClass(entry);
    if (className === null) throw new Problem('UNSUPPORTED_LAYER', unsupported(entry, name));
    const policy = dtypePolicy(entry.config.dtype);
    const facts = layerClass(className);
    // An operation's dtype is an option of its own.
    if (!isOperation(entry) && !facts.anyDtype && !POLICIES.includes(policy)) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Layer ${name} (${className}) has the dtype policy ${policy}; accepted: ${POLICIES.join(', ')}.`,
      );
    }
    const options = operands === undefined ? entry.config : { ...entry.config, operands };
    const refused = guard(name, className, () => refusedOption(facts, options));
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
      storePath: isOperation(entry) ? '' : folderOf(facts.folderClass ?? className),
    };
    this.graph.layers.push(layer);
    return layer;
  }

  /** Adds a call; answers its outputs. */
  addCall(layer: Layer, given: GraphCall): TensorId[] {
    const { graph } = this;
    if (graph.calls.length >= MOST_CALLS) throw new Problem('MODEL_UNREADABLE', `The model makes more than ${MOST_CALLS} calls.`);
    const facts = layerClass(layer.className);
    const { options } = layer;
    const most = facts.takesList || layer.storePath === '' ? Number.POSITIVE_INFINITY : (facts.callTensors?.length ?? 1);
    if (given.inputs.length > most) {
      throw new Problem(
        'MODEL_UNREADABLE',
        `Layer ${layer.name} (${layer.className}) is called on ${given.inputs.length} tensors; it takes ${most}.`,
      );
    }
    const within = <Result>(work: () => Result): Result => guard(layer.name, layer.className, work);
    const shapes = given.inputs.map((tensor) => this.shape(tensor));
    const outputShapes = within(() => facts.outputShapes?.(options, shapes, given.callOptions) ?? [facts.outputShape(options, shapes)]);
    const extras = Object.fromEntries(
      Object.entries(given.extras).map(([name, tensors]) => [name, tensors.map((tensor) => this.shape(tensor))]),
    );
    within(() => facts.checkExtras?.(options, shapes, extras));
    const weights = within(() => facts.weights?.(options, shapes) ?? []);
    const differs = layer.weights.length > 0 && JSON.stringify(layer.weights) !== JSON.stringify(weights);
    if (differs) throw new Problem('MODEL_UNREADABLE', `Layer ${layer.name} is called on inputs that need different weights.`);
    layer.weights = weights;
    const minds = facts.readsMasks || facts.mask !== undefined;
    const masks = given.inputs.map((tensor, index) => given.masks[index] ?? (minds ? this.certainMask(tensor, layer) : null));
    // Keras fills an argument called just `mask` where a call has one argument of tensors only: an LSTM that is given states is given no mask, and hands it on.
    const forgetsMask = Object.keys(given.extras).length > 0 && facts.callPositions?.includes('mask') === true;
    const maskShapes = masks.map((mask) => (mask === null ? null : this.shape(mask)));
    if (masks.some((mask) => mask !== null)) within(() => facts.checkMasks?.(options, shapes, maskShapes));
    const outputs = outputShapes.map((shape) => this.addTensor(shape));
    const call: Call = {
      layer,
      inputs: given.inputs,
      extras: given.extras,
      masks: masks.map((mask, index) => (facts.readsMasks && !(forgetsMask && !given.masks[index]) ? mask : null)),
      output: outputs[0]!,
      outputShape: outputShapes[0]!,
      outputs,
      mask: null,
      callOptions: given.callOptions,
    };
    const carried = facts.mask?.(options, shapes, maskShapes, given.callOptions) ?? null;
    if (facts.dropsInputMasks) for (const tensor of given.inputs) this.dropMask(tensor);
    const handsOn = facts.handsOn?.(options) ?? null;
    if (handsOn !== null) this.same.set(call.output, given.inputs[0]!);
    if (handsOn === 'outside training') this.sameOutsideTraining.add(call.output);
    if (carried === 'first') {
      if (masks[0] !== null && masks[0] !== undefined) this.setMask(call.output, masks[0]);
    } else if (carried !== null) {
      call.mask = this.addTensor(carried);
      this.setMask(call.output, call.mask);
    }
    graph.calls.push(call);
    return outputs;
  }

  addOutput(tensor: TensorId, name: string): void {
    const taken = (candidate: string): boolean => this.graph.outputs.some((output) => output.name === candidate);
    let unique = name;
    for (let n = 1; taken(unique); n++) unique = `${name}_${n}`;
    const mask = this.mask(tensor);
    this.graph.outputs.push({ name: unique, tensor, shape: this.shape(tensor), ...(mask === null ? {} : { mask }) });
  }

  private addTensor(shape: Shape): TensorId {
    if (size(shape) > LARGEST_TENSOR) {
      throw new Problem('MODEL_UNREADABLE', `A tensor of shape [${shape.join(', ')}] has more than ${LARGEST_TENSOR} elements a sample.`);
    }
    return this.graph.shapes.push(shape) - 1;
  }

  /** The mask of a tensor. Throws Problem UNSUPPORTED_LAYER_OPTION where Keras has it in training and not outside. */
  private certainMask(tensor: TensorId, layer: Layer): TensorId | null {
    const { always, outsideTraining } = this.lost;
    if (outsideTraining.has(this.root(tensor)) && !always.has(tensor)) {
      throw new Problem(
        'UNSUPPORTED_LAYER_OPTION',
        `Layer ${layer.name} (${layer.className}) has an input whose mask an attention layer behind a Dropout removes in predictions and not in training; give it its mask as an argument.`,
      );
    }
    return this.mask(tensor);
  }

  /** Removes the mask of a tensor, which is that of every tensor that is the same object. */
  private dropMask(tensor: TensorId): void {
    const root = this.root(tensor);
    if (!this.masks.delete(root)) return;
    let at: TensorId | undefined = tensor;
    let certain = true;
    for (; at !== undefined; at = this.same.get(at)) {
      if (certain) this.lost.always.add(at);
      if (this.sameOutsideTraining.has(at)) certain = false;
    }
    if (!certain) this.lost.outsideTraining.add(root);
  }

  private root(tensor: TensorId): TensorId {
    let root = tensor;
    for (let next = this.same.get(root); next !== undefined; next = this.same.get(root)) root = next;
    return root;
  }
}

/** Why a class is not run, and what comes nearest. */
function unsupported(entry: LayerConfig, name: string): string {
  const kind = entry.class_name;
  const module = homeOf(entry);
  const refusal = refusalOf(kind, isOperation(entry));
  if (refusal) return `Layer ${name} is a ${isOperation(entry) ? 'keras.ops ' : ''}${kind}, which is not run: ${refusal}`;
  const what = module.startsWith('keras.layers') ? kind : `${module}.${kind}`;
  const classes = Object.keys(LAYER_CLASSES).filter((known) => known.startsWith('ops.') === isOperation(entry));
  return `Layer ${name} is a ${what}. Supported: ${classes.join(', ')}.`;
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
