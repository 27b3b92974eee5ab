/** Tiny Keras documents, written as Keras 3 writes them, without Keras. */
import { type ModelDocument, makeDocument, type Weights } from '../../src/model/document.ts';
import { readGraph, weightKey } from '../../src/model/graph.ts';
import { size } from '../../src/model/layers/index.ts';
import { generator } from '../../src/random.ts';

export interface LayerEntry {
  module: string;
  class_name: string;
  config: Record<string, unknown> & { name: string };
  registered_name: string | null;
  build_config?: Record<string, unknown>;
  name?: string;
  inbound_nodes?: unknown[];
}

export type Config = Record<string, unknown>;

const FLOAT32 = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null };

/** A layer of a built-in class. */
export function layer(className: string, name: string, options: Record<string, unknown> = {}): LayerEntry {
  return {
    module: 'keras.layers',
    class_name: className,
    config: { name, trainable: true, dtype: FLOAT32, ...options },
    registered_name: null,
    build_config: { input_shape: 'stale' },
  };
}

export const dense = (name: string, units: number, options: Record<string, unknown> = {}): LayerEntry =>
  layer('Dense', name, { units, activation: 'linear', use_bias: true, ...options });

export const conv2d = (name: string, filters: number, kernelSize: number, options: Record<string, unknown> = {}): LayerEntry =>
  layer('Conv2D', name, {
    filters,
    kernel_size: [kernelSize, kernelSize],
    strides: [1, 1],
    padding: 'valid',
    data_format: 'channels_last',
    dilation_rate: [1, 1],
    groups: 1,
    activation: 'linear',
    use_bias: true,
    ...options,
  });

export const batchNormalization = (name: string, options: Record<string, unknown> = {}): LayerEntry =>
  layer('BatchNormalization', name, { axis: -1, momentum: 0.99, epsilon: 0.001, center: true, scale: true, ...options });

export const maxPooling = (name: string, poolSize = 2, options: Record<string, unknown> = {}): LayerEntry =>
  layer('MaxPooling2D', name, { pool_size: [poolSize, poolSize], padding: 'valid', strides: [poolSize, poolSize], ...options });

export const flatten = (name: string): LayerEntry => layer('Flatten', name, { data_format: 'channels_last' });

export function input(name: string, shape: readonly (number | null)[], options: Record<string, unknown> = {}): LayerEntry {
  return {
    module: 'keras.layers',
    class_name: 'InputLayer',
    config: { batch_shape: [null, ...shape], dtype: 'float32', sparse: false, name, ...options },
    registered_name: null,
  };
}

/** The config of a Sequential model. */
export function sequential(shape: readonly (number | null)[], layers: LayerEntry[]): Config {
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: { name: 'net', trainable: true, layers: [input('input', shape), ...layers], build_input_shape: [null, ...shape] },
    registered_name: null,
    build_config: { input_shape: [null, ...shape] },
  };
}

/** A tensor of a Functional model that is being put together: layer, call. */
export type TensorName = readonly [layer: string, call: number];

/** Puts a Functional model together call by call; layers are listed in the order of their first call. */
export class FunctionalBuilder {
  readonly layers: LayerEntry[] = [];

  input(name: string, shape: readonly (number | null)[]): TensorName {
    this.layers.push({ ...input(name, shape), name, inbound_nodes: [] });
    return [name, 0];
  }

  /** Calls a layer, a new one or one that was called before. Several inputs are given as Keras gives them to a merging layer: one list. */
  call(entry: LayerEntry, ...inputs: TensorName[]): TensorName {
    const { name } = entry.config;
    let present = this.layers.find((candidate) => candidate.config.name === name);
    if (!present) {
      present = { ...entry, name, inbound_nodes: [] };
      this.layers.push(present);
    }
    const tensors = inputs.map(([source, call]) => ({
      class_name: '__keras_tensor__',
      config: { shape: [null], dtype: 'float32', keras_history: [source, call, 0] },
    }));
    present.inbound_nodes!.push({ args: tensors.length > 1 ? [tensors] : tensors, kwargs: {} });
    return [name, present.inbound_nodes!.length - 1];
  }

  config(...outputs: TensorName[]): Config {
    const triple = ([name, call]: TensorName) => [name, call, 0];
    const inputs = this.layers.filter((entry) => entry.class_name === 'InputLayer').map((entry) => triple([entry.config.name, 0]));
    return {
      module: 'keras.src.models.functional',
      class_name: 'Functional',
      config: {
        name: 'net',
        trainable: true,
        layers: this.layers,
        input_layers: inputs.length === 1 ? inputs[0] : inputs,
        output_layers: outputs.length === 1 ? triple(outputs[0]!) : outputs.map(triple),
      },
      registered_name: 'Functional',
    };
  }
}

export function functional(build: (builder: FunctionalBuilder) => TensorName | TensorName[]): Config {
  const builder = new FunctionalBuilder();
  const outputs = build(builder);
  return builder.config(...(Array.isArray(outputs[0]) ? (outputs as TensorName[]) : [outputs as TensorName]));
}

/** The value of a weight's element, by its key, role and index. */
export type Fill = (key: string, index: number, role: string) => number;

/** Weights as training leaves them: of both signs, variances positive, everything different from its initial value. */
export function randomFill(seed: number): Fill {
  const generators = new Map<string, ReturnType<typeof generator>>();
  return (key, _index, role) => {
    let random = generators.get(key);
    if (!random) {
      random = generator(seed, key);
      generators.set(key, random);
    }
    if (key.endsWith('moving_variance')) return 0.5 + random.uniform();
    if (role === 'scale') return 0.5 + random.uniform();
    return 0.6 * random.normal();
  };
}

/** A document of a config, with weights by `fill`; without one each element is its index. */
export function documentOf(config: Config, fill: Fill = (_key, index) => index): ModelDocument {
  const graph = readGraph(config);
  const weights: Weights = new Map();
  for (const owner of graph.layers) {
    for (const spec of owner.weights) {
      const key = weightKey(owner, spec.name);
      weights.set(key, {
        shape: spec.shape,
        data: Float32Array.from({ length: size(spec.shape) }, (_, index) => fill(key, index, spec.role)),
      });
    }
  }
  return makeDocument({ config, metadata: { keras_version: '3.15.1' }, weights, extras: [] });
}

/** The smallest network: four inputs, two outputs, every weight the same number. */
export function tinyDocument(value: number): ModelDocument {
  return documentOf(sequential([4], [dense('y', 2)]), () => value);
}

/** The numbers of a weight. */
export function numbers(document: ModelDocument, key: string): number[] {
  const weight = document.weights.get(key);
  if (!weight) throw new Error(`The document has no ${key}; it has ${[...document.weights.keys()].join(', ')}`);
  return [...weight.data];
}
