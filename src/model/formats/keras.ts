/** The `.keras` format of Keras 3: a zip of `config.json`, `metadata.json` and `model.weights.h5`. */
import { posix } from 'node:path';
import { Problem, received } from '../../errors.ts';
import { type ModelDocument, makeDocument, type Weights } from '../document.ts';
import { type Layer, readGraph, weightKey } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';
import { configText } from './config-text.ts';
import { type Hdf5Content, type Hdf5Dataset, readHdf5, writeHdf5 } from './hdf5.ts';
import { readZip, writeZip } from './zip.ts';

const LIMITS = { 'config.json': 64 * 2 ** 20, 'metadata.json': 2 ** 20, 'model.weights.h5': 1.5 * 2 ** 30 };

/** The optimizer's variables stand under this group. */
const OPTIMIZER = 'optimizer';

export interface ReadOptions {
  /** Whether the optimizer's variables are read, up to twice as much again as the weights; without them the document has none. */
  optimizer?: boolean;
}

/**
 * Reads a `.keras` file.
 * Throws Problem: UNSUPPORTED_FORMAT, MODEL_UNREADABLE, WEIGHTS_MISMATCH, NON_FINITE_WEIGHTS and those of `readGraph`.
 */
export async function readKeras(path: string, { optimizer = false }: ReadOptions = {}): Promise<ModelDocument> {
  const { names, entries } = await readZip(path, LIMITS);
  for (const name of Object.keys(LIMITS)) {
    if (!entries.has(name)) {
      throw new Problem(
        'UNSUPPORTED_FORMAT',
        `The zip archive is not a .keras file: it has no ${name}. It holds: ${received(names.slice(0, 10))}`,
      );
    }
  }
  const config = parseJson(entries.get('config.json')!, 'config.json');
  const metadata = parseJson(entries.get('metadata.json')!, 'metadata.json');
  const graph = readGraph(config);
  const datasets = await readHdf5(entries.get('model.weights.h5')!, (at) => at === OPTIMIZER && !optimizer);
  const left = new Map(datasets.map((dataset) => [dataset.path, dataset]));
  const weights: Weights = new Map();
  for (const layer of graph.layers) {
    for (const { spec, at } of storedWeights(layer)) {
      const dataset = left.get(at);
      if (!dataset) throw new Problem('WEIGHTS_MISMATCH', `Layer ${layer.name} has no ${spec.name}: model.weights.h5 has no ${at}.`);
      left.delete(at);
      weights.set(weightKey(layer, spec.name), { shape: dataset.shape, data: floats(dataset, layer.name, spec) });
    }
    for (const group of weightGroups(layer)) {
      const surplus = [...left.keys()].find((path) => path.startsWith(`${group}/`));
      if (surplus === undefined) continue;
      throw new Problem(
        'WEIGHTS_MISMATCH',
        `Layer ${layer.name} (${layer.className}) has more weights than its config needs: ${surplus} is left over.`,
      );
    }
  }
  const rest = [...left.values()];
  const variables = rest.filter(isVariable).sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
  return makeDocument({
    config,
    metadata,
    weights,
    extras: rest.filter((dataset) => !isVariable(dataset)),
    ...(optimizer ? { optimizer: variables } : {}),
  });
}

/** A layer's weights and where they stand in `model.weights.h5`. */
function storedWeights(layer: Layer): { spec: WeightSpec; at: string }[] {
  return layer.weights.map((spec, index) => ({ spec, at: `${layer.storePath}/${spec.store ?? `vars/${index}`}` }));
}

/** The groups that hold a layer's weights; its own is there even where it holds none. An operation has none. */
function weightGroups(layer: Layer): string[] {
  if (layer.storePath === '') return [];
  return [...new Set([`${layer.storePath}/vars`, ...storedWeights(layer).map(({ at }) => posix.dirname(at))])];
}

const isVariable = ({ path }: Hdf5Dataset): boolean => path.startsWith(`${OPTIMIZER}/`);

/** `config.json` of a `.keras` file, parsed; the weights are not unpacked. Throws Problem MODEL_UNREADABLE. */
export async function readKerasConfig(path: string): Promise<Record<string, unknown>> {
  const { entries } = await readZip(path, { 'config.json': LIMITS['config.json'] });
  return parseJson(entries.get('config.json') ?? Buffer.alloc(0), 'config.json');
}

/**
 * The bytes of a `.keras` file, deflated. The optimizer's variables are in it where the document has them, unless `optimizer` is false. The same
 * document gives the same bytes.
 */
export async function writeKeras(document: ModelDocument, { optimizer = true }: { optimizer?: boolean } = {}): Promise<Buffer> {
  const content: Hdf5Content = { groups: [], datasets: [] };
  for (const layer of document.graph.layers) {
    content.groups.push(...weightGroups(layer).map((path) => ({ path, name: layer.name })));
    for (const { spec, at } of storedWeights(layer)) {
      const weight = document.weights.get(weightKey(layer, spec.name))!;
      const whole = spec.stored === 'int64';
      const data = whole ? BigInt64Array.from(weight.data, BigInt) : weight.data;
      content.datasets.push({ path: at, shape: [...weight.shape], dtype: whole ? '<q' : '<f', data });
    }
  }
  content.groups.push({ path: 'vars', name: document.graph.name });
  content.datasets.push(...document.extras);
  if (optimizer && document.optimizer) {
    content.groups.push({ path: `${OPTIMIZER}/vars`, name: optimizerName(document.config) });
    content.datasets.push(...document.optimizer);
  }
  return writeZip([
    ['metadata.json', Buffer.from(JSON.stringify(document.metadata))],
    ['config.json', Buffer.from(configText(document.config))],
    ['model.weights.h5', await writeHdf5(content)],
  ]);
}

function optimizerName({ compile_config }: Record<string, unknown>): string {
  const { optimizer } = (compile_config ?? {}) as { optimizer?: { config?: { name?: unknown } | null } | null };
  return String(optimizer?.config?.name ?? OPTIMIZER);
}

function parseJson(bytes: Buffer, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new Problem('MODEL_UNREADABLE', `${name} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Problem('MODEL_UNREADABLE', `${name} is not a JSON object. Received: ${received(value)}`);
  }
  return value as Record<string, unknown>;
}

function floats({ data, dtype }: Hdf5Dataset, layer: string, { name: weight, stored }: WeightSpec): Float32Array<ArrayBuffer> {
  if (stored === 'int64' && data instanceof BigInt64Array) return Float32Array.from(data, Number);
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw new Problem(
      'WEIGHTS_MISMATCH',
      `Layer ${layer}: ${weight} is stored as ${dtype}; float32 or float64 is needed (quantised models are not read).`,
    );
  }
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new Problem('NON_FINITE_WEIGHTS', `Layer ${layer}: ${weight} holds ${values[at]} at index ${at}.`);
  return values;
}
