/** A Keras config as a graph: layers, the calls between them, and the shapes that flow. Nothing is run. */
import { Problem } from '../errors.ts';
import { inKeras3 } from './dialect.ts';
import { readModelInto } from './graph-reader.ts';
import { asLayerConfig } from './layer-config.ts';
import type { LayerClassName, Options, Shape, WeightSpec } from './layers/index.ts';

export { type LayerConfig, layerEntries, snakeCase } from './layer-config.ts';

/** A tensor in the graph: output of a call, or a model input. Calls and inputs are numbered together. */
export type TensorId = number;

export interface Layer {
  /** Of a layer in a nested model `<model>/<layer>`, which is no name that Keras allows. */
  name: string;
  className: LayerClassName;
  /** The `config` of its entry, in Keras 3's words; of an operation such as `x + 1` a copy, with the `operands` of its call. */
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
  /** Further tensors by the argument's name, such as the `initial_state` of a recurrent layer. */
  extras: Record<string, TensorId[]>;
  /** The mask of each input that the layer reads: [batch, steps] or more axes, true where a step counts. */
  masks: (TensorId | null)[];
  /** The first of `outputs`. */
  output: TensorId;
  outputShape: Shape;
  outputs: TensorId[];
  /** A mask that the call makes of its own, as an Embedding does of zeros; null where the output has none, or that of an input. */
  mask: TensorId | null;
  /** Arguments of this call that its class reads, such as `use_causal_mask`. */
  callOptions: Options;
}

export interface Graph {
  name: string;
  layers: Layer[];
  /** In the order in which Keras runs them, in which each call's inputs are known. */
  calls: Call[];
  /** `dtype` is that of the numbers that are given, in Keras' words; here they are float32. */
  inputs: { name: string; tensor: TensorId; shape: Shape; dtype: string }[];
  /** `mask` is absent where no step of the output is masked. */
  outputs: { name: string; tensor: TensorId; shape: Shape; mask?: TensorId }[];
  /** Of every tensor, without the batch axis. */
  shapes: Shape[];
}

/** The weight's key in the document. */
export function weightKey(layer: Pick<Layer, 'name'>, weight: string): string {
  return `${layer.name}/${weight}`;
}

/** Every tensor that a call reads, masks aside. */
export function tensorsOf(call: Pick<Call, 'inputs' | 'extras'>): TensorId[] {
  return [...call.inputs, ...Object.values(call.extras).flat()];
}

/** A layer in sixteen nested models is at some hundred; what walks a config or prints it calls itself as deep. */
const DEEPEST_CONFIG = 500;

function isDeeperThan(value: unknown, limit: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((item) => (item !== null && typeof item === 'object' ? Object.values(item) : []));
  }
  return false;
}

/**
 * The graph of a model's config (Sequential or Functional), in any dialect. With a `sample`, the shape of one of a job's samples, the free axes of the inputs
 * are as long as its own, and so is what follows from them; the config is to have one input, which takes it.
 * Throws Problem: MODEL_UNREADABLE, UNSUPPORTED_LAYER, UNSUPPORTED_LAYER_OPTION, CUSTOM_CODE_IN_MODEL.
 */
export function readGraph(config: unknown, sample: readonly number[] | null = null): Graph {
  if (isDeeperThan(config, DEEPEST_CONFIG)) throw new Problem('MODEL_UNREADABLE', `The config nests values deeper than ${DEEPEST_CONFIG}.`);
  const model = asLayerConfig(inKeras3(config), 'config.json');
  const known = (model.module ?? 'keras').startsWith('keras') || model.module === 'tf_keras';
  if (!known || (model.class_name !== 'Sequential' && model.class_name !== 'Functional' && model.class_name !== 'Model')) {
    throw new Problem(
      'CUSTOM_CODE_IN_MODEL',
      `The model is of class ${model.module ? `${model.module}.` : ''}${model.registered_name ?? model.class_name}; Sequential and Functional models can be read, since they need no code of their own.`,
    );
  }
  const graph: Graph = { name: String(model.config.name ?? 'model'), layers: [], calls: [], inputs: [], outputs: [], shapes: [] };
  readModelInto(graph, model, sample);
  return graph;
}
