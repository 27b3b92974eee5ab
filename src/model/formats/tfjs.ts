/** Layers models of TensorFlow.js: `model.json` with the config and a manifest of weights, beside the files that hold these. */
import { Problem, received } from '../../errors.ts';
import { inKeras3 } from '../dialect.ts';
import { type ModelDocument, makeDocument } from '../document.ts';
import { type LayerConfig, readGraph, weightKey } from '../graph.ts';
import { size } from '../layers/index.ts';
import { type HalfPrecision, narrowed, widened } from './half-precision.ts';
import type { TypedArray } from './hdf5.ts';
import { parseObject } from './parse-json.ts';
import { FileWeights } from './stored-weights.ts';
import { refusedByTfjs, tfjsOptions, tfjsWeightName } from './tfjs-layers.ts';
import { compileOf, trainingConfig } from './training-config.ts';
import { matchWeights } from './weight-names.ts';
import { wholeOrder } from './weight-order.ts';
import { writeZip } from './zip.ts';

type Json = Record<string, unknown>;

interface WeightEntry {
  name: string;
  shape: number[];
  dtype: string;
  quantization?: { dtype: string; min?: number; scale?: number; original_dtype?: string };
  group?: string;
}

const SHARD_BYTES = 4 * 2 ** 20;
const isObject = (value: unknown): value is Json => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Whether a JSON object is the `model.json` of a layers model or of a graph model. */
export function isTfjsModel(value: Json): boolean {
  return 'modelTopology' in value || 'weightsManifest' in value;
}

/**
 * The document of a `model.json` and the files that its manifest names, by their paths beside it.
 * Throws Problem: UNSUPPORTED_FORMAT, MODEL_UNREADABLE, WEIGHTS_MISMATCH, NON_FINITE_WEIGHTS and those of `readGraph`.
 */
export function readTfjs(model: Json, shard: (path: string) => Buffer | null): ModelDocument {
  const { config, place } = configOf(model);
  const graph = readGraph(config);
  const tensors = readManifest(model.weightsManifest, shard);
  const matched = matchWeights(
    graph,
    tensors,
    (name) => tensors.find((tensor) => tensor.name === name)?.group === 'optimizer' || /^optimizer\//.test(name),
  );
  const read = new FileWeights();
  for (const layer of graph.layers) {
    for (const spec of layer.weights) {
      const tensor = matched.get(weightKey(layer, spec.name))!;
      read.add(layer, spec, tensor, tensor.name);
    }
  }
  const { modelTopology: _topology, weightsManifest: _manifest, trainingConfig: _training, ...rest } = model;
  return makeDocument({ config, metadata: { ...rest, ...place }, weights: read.weights, extras: [], source: read.source('tfjs') });
}

/** The Keras config in a `model.json`, with its compilation. Throws Problem UNSUPPORTED_FORMAT or MODEL_UNREADABLE. */
export function tfjsConfig(model: Json): Json {
  return configOf(model).config;
}

/** The config, and what stands around it in the topology of files that the converter wrote. */
function configOf(model: Json): { config: Json; place: { topology?: Json } } {
  const topology = model.modelTopology;
  if (model.format === 'graph-model' || (isObject(topology) && 'node' in topology)) {
    throw new Problem(
      'UNSUPPORTED_FORMAT',
      'The model.json is a graph model of TensorFlow.js, whose layers are gone. Convert the Keras model with --output_format=tfjs_layers_model, or upload its .keras file.',
    );
  }
  if (!isObject(topology)) {
    throw new Problem(
      'UNSUPPORTED_FORMAT',
      `The model.json has no modelTopology: it holds weights without a model. It has: ${received(Object.keys(model).slice(0, 10))}`,
    );
  }
  const { model_config: inner, training_config: within, ...around } = topology;
  const wrapped = typeof inner === 'string' ? parseObject(inner, 'model_config') : inner;
  const config = isObject(wrapped) ? wrapped : topology;
  const plain = Array.isArray(config.config) ? { ...config, config: { name: 'sequential', layers: config.config } } : config;
  const training = isObject(model.trainingConfig) ? model.trainingConfig : within;
  return {
    config: isObject(training) ? { ...plain, compile_config: compileOf(training) } : plain,
    place: isObject(wrapped) ? { topology: around } : {},
  };
}

interface Tensor {
  name: string;
  shape: number[];
  dtype: string;
  data: TypedArray;
  narrow?: HalfPrecision;
  group?: string | undefined;
}

function readManifest(manifest: unknown, shard: (path: string) => Buffer | null): Tensor[] {
  if (!Array.isArray(manifest)) {
    throw new Problem('MODEL_UNREADABLE', `The model.json has no weightsManifest. Received: ${received(manifest)}`);
  }
  return manifest.flatMap((group: unknown) => {
    const { paths, weights } = (group ?? {}) as { paths?: unknown; weights?: unknown };
    if (!Array.isArray(paths) || !paths.every((path) => typeof path === 'string') || !Array.isArray(weights)) {
      throw new Problem('MODEL_UNREADABLE', `A group of the weightsManifest has no paths and weights. Received: ${received(group)}`);
    }
    const bytes = Buffer.concat(
      paths.map((path) => {
        const found = shard(path);
        if (!found)
          throw new Problem('MODEL_UNREADABLE', `The model.json names the weights file ${received(path)}, which is not in the upload.`);
        return found;
      }),
    );
    let at = 0;
    const tensors = weights.map((entry) => {
      const { tensor, length } = readTensor(entry as WeightEntry, bytes, at);
      at += length;
      return tensor;
    });
    if (at !== bytes.length) {
      throw new Problem('MODEL_UNREADABLE', `The files ${received(paths)} have ${bytes.length} bytes; the manifest's weights need ${at}.`);
    }
    return tensors;
  });
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 };

function readTensor(entry: WeightEntry, bytes: Buffer, at: number): { tensor: Tensor; length: number } {
  const { name, shape, dtype, quantization, group } = entry ?? {};
  const valid = typeof name === 'string' && Array.isArray(shape) && shape.every((axis) => Number.isInteger(axis) && axis >= 0);
  const type = quantization?.dtype ?? dtype;
  const width = typeof type === 'string' && Object.hasOwn(BYTES, type) ? BYTES[type]! : null;
  if (!valid || width === null || !['float32', 'int32', 'bool'].includes(dtype)) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `A weight of the manifest cannot be read: ${received(entry)}. Accepted dtypes: float32, int32; quantised to uint8, uint16, float16.`,
    );
  }
  const count = size(shape);
  const length = count * width;
  if (at + length > bytes.length)
    throw new Problem('MODEL_UNREADABLE', `The weights files end before ${name}, which needs ${length} bytes.`);
  // A copy, which is aligned.
  const buffer = Uint8Array.from(bytes.subarray(at, at + length)).buffer;
  const tensor = { name, shape, dtype, group };
  switch (quantization?.dtype) {
    case undefined:
      return {
        tensor: {
          ...tensor,
          data: dtype === 'float32' ? new Float32Array(buffer) : dtype === 'int32' ? new Int32Array(buffer) : new Uint8Array(buffer),
        },
        length,
      };
    case 'float16':
      return { tensor: { ...tensor, data: widened(new Uint16Array(buffer), 'float16'), narrow: 'float16' }, length };
    default: {
      const { min, scale } = quantization!;
      if (typeof min !== 'number' || typeof scale !== 'number') {
        throw new Problem('MODEL_UNREADABLE', `Weight ${name} is quantised without min and scale. Received: ${received(quantization)}`);
      }
      const steps = width === 1 ? new Uint8Array(buffer) : new Uint16Array(buffer);
      // In double precision and rounded once, as TensorFlow.js does.
      return { tensor: { ...tensor, data: Float32Array.from(steps, (step) => step * scale + min) }, length };
    }
  }
}

/**
 * A zip of `model.json` and its weights in files of 4 MiB, which `tf.loadLayersModel` takes. The same document gives the same bytes.
 * Throws Problem UNSUPPORTED_CONVERSION for a document of another format that TensorFlow.js would not run as Keras does.
 */
export async function writeTfjs(document: ModelDocument): Promise<Buffer> {
  const { config, metadata, source, graph, weights } = document;
  const isOwn = source.format === 'tfjs';
  const modern = inKeras3(config) as LayerConfig;
  refuseTfjs(document);
  const entries: WeightEntry[] = [];
  const bodies: Buffer[] = [];
  for (const { key, layer, spec } of wholeOrder(modern, graph)) {
    const { shape, data } = weights.get(key)!;
    const name = (isOwn ? source.names.get(key) : undefined) ?? tfjsWeightName(layer, spec.name);
    const isNarrow = source.narrow.get(key) === 'float16';
    entries.push({
      name,
      shape: [...shape],
      dtype: 'float32',
      ...(isNarrow ? { quantization: { dtype: 'float16', original_dtype: 'float32' } } : {}),
    });
    const packed = isNarrow ? narrowed(data, 'float16') : data;
    bodies.push(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength));
  }
  const bytes = Buffer.concat(bodies);
  const shards = Array.from({ length: Math.ceil(bytes.length / SHARD_BYTES) }, (_, index) =>
    bytes.subarray(index * SHARD_BYTES, (index + 1) * SHARD_BYTES),
  );
  const paths = shards.map((_, index) => `group1-shard${index + 1}of${shards.length}.bin`);
  const { compile_config: compile, ...model } = config;
  const training = isOwn ? trainingConfig(compile, true) : null;
  const { topology, ...about } = metadata as { topology?: Json } & Json;
  const json = isOwn
    ? {
        ...about,
        modelTopology: topology ? { ...topology, model_config: model, ...(training ? { training_config: training } : {}) } : model,
        ...(training && !topology ? { trainingConfig: training } : {}),
      }
    : {
        format: 'layers-model',
        generatedBy: 'Espalier',
        convertedBy: null,
        modelTopology: { ...tfjsModel(modern), keras_version: '2.15.0', backend: 'tensorflow' },
      };
  return writeZip([
    ['model.json', Buffer.from(JSON.stringify({ ...json, weightsManifest: [{ paths, weights: entries }] }))],
    ...shards.map((shard, index) => [paths[index]!, shard] as const),
  ]);
}

/** Throws Problem UNSUPPORTED_CONVERSION where stock TensorFlow.js would not run the document as Keras does, unless it came from there. */
export function refuseTfjs({ config, graph, source }: ModelDocument): void {
  if (source.format === 'tfjs') return;
  const refuse = (detail: string) => {
    throw new Problem('UNSUPPORTED_CONVERSION', `${detail}. Take format keras or h5.`);
  };
  for (const layer of graph.layers) {
    const reason = refusedByTfjs(layer);
    if (reason) refuse(`Layer ${layer.name}: ${reason}`);
  }
  const names = new Set<string>();
  const visit = (entry: LayerConfig, isRoot: boolean): void => {
    const {
      layers,
      input_layers: inputs,
      output_layers: outputs,
    } = entry.config as { layers: LayerConfig[]; input_layers?: unknown; output_layers?: unknown };
    if ((entry.inbound_nodes?.length ?? 0) > 1)
      refuse(`Model ${entry.config.name} is called more than once, which TensorFlow.js computes otherwise`);
    if (isRoot && (isObject(inputs) || isObject(outputs)))
      refuse('The model has a dictionary of inputs or outputs, which TensorFlow.js does not know');
    for (const inner of layers) {
      const given = (inner.inbound_nodes ?? []).flatMap((node) => Object.entries((node as { kwargs?: object }).kwargs ?? {}));
      const tensor = given.find(([, value]) => JSON.stringify(value)?.includes('__keras_tensor__'));
      if (tensor)
        refuse(`Layer ${inner.config.name ?? inner.name} is called with a tensor as ${tensor[0]}, which TensorFlow.js does not know`);
      const name = String(inner.config.name ?? inner.name);
      if (names.has(name))
        refuse(`Two layers are named ${name}, one of them in a nested model; TensorFlow.js tells weights apart by their layer's own name`);
      names.add(name);
      if (Array.isArray(inner.config.layers)) visit(inner, false);
    }
  };
  visit(inKeras3(config) as LayerConfig, true);
}

/** A model of Keras 3's dialect in TensorFlow.js' own, which is Keras 2's. */
function tfjsModel(model: LayerConfig): Json {
  const {
    name,
    layers,
    input_layers: inputs,
    output_layers: outputs,
  } = model.config as { name: string; layers: LayerConfig[]; input_layers?: unknown; output_layers?: unknown };
  const models = new Set(
    layers.filter((entry) => Array.isArray(entry.config.layers)).map((entry) => String(entry.config.name ?? entry.name)),
  );
  const reference = ([layer, call, output]: [string, number, number]): [string, number, number] => [
    layer,
    models.has(layer) ? call + 1 : call,
    output,
  ];
  const isSequential = (layer: string): boolean =>
    layers.some((entry) => entry.class_name === 'Sequential' && (entry.config.name ?? entry.name) === layer);
  const endpoints = (value: unknown): unknown[] =>
    (Array.isArray(value) && typeof value[0] === 'string' ? [value] : (value as unknown[])).map((one) => {
      const [layer, call, output] = one as [string, number, number];
      // Here Keras 3 counts a Functional model's calls from 1, or writes 0 for the last, of which there is one.
      return models.has(layer) && !isSequential(layer) ? [layer, Math.max(1, call), output] : reference([layer, call, output]);
    });
  const isFunctional = model.class_name !== 'Sequential';
  return {
    class_name: model.class_name,
    config: {
      name,
      layers: layers.map((entry) => {
        const inner = Array.isArray(entry.config.layers)
          ? tfjsModel(entry)
          : { class_name: entry.class_name, config: tfjsOptions(entry.class_name, entry.config) };
        if (!isFunctional) return inner;
        return {
          ...inner,
          name: entry.name ?? entry.config.name,
          inbound_nodes: (entry.inbound_nodes ?? []).map((node) => inboundNode(node, reference)),
        };
      }),
      ...(isFunctional ? { input_layers: endpoints(inputs), output_layers: endpoints(outputs) } : {}),
    },
  };
}

function inboundNode(node: unknown, reference: (tensor: [string, number, number]) => [string, number, number]): unknown[] {
  const found: unknown[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) collect(item);
    const history = isObject(value) && isObject(value.config) ? value.config.keras_history : undefined;
    if (Array.isArray(history)) found.push([...reference(history as [string, number, number]), {}]);
  };
  collect((node as { args?: unknown }).args);
  return found;
}
