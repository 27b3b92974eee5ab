/** The `.keras` format of Keras 3: a zip of `config.json`, `metadata.json` and `model.weights.h5`. */
import { posix } from 'node:path';
import { Problem, received } from '../../errors.ts';
import { isKeras2 } from '../dialect.ts';
import { type ModelDocument, makeDocument } from '../document.ts';
import { type Layer, readGraph, weightKey } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';
import { configText } from './config-text.ts';
import { type Hdf5Content, type Hdf5Dataset, readHdf5, writeHdf5 } from './hdf5.ts';
import { parseObject } from './parse-json.ts';
import { inStockKeras3, isKeras3File, keras3Version } from './stock-keras-3.ts';
import { FileWeights, stored } from './stored-weights.ts';
import { readZip, writeZip } from './zip.ts';

const LIMITS = { 'config.json': 64 * 2 ** 20, 'metadata.json': 2 ** 20, 'model.weights.h5': 1.5 * 2 ** 30 };

/** Types of two bytes that Keras loads from there, whatever the layer's own is. */
const HALVES = ['float16', 'bfloat16'] as const;
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
  const { names: held, entries } = await readZip(path, LIMITS);
  for (const name of Object.keys(LIMITS)) {
    if (!entries.has(name)) {
      throw new Problem(
        'UNSUPPORTED_FORMAT',
        `The zip archive is not a .keras file: it has no ${name}. It holds: ${received(held.slice(0, 10))}`,
      );
    }
  }
  const config = parseObject(entries.get('config.json')!, 'config.json');
  const metadata = parseObject(entries.get('metadata.json')!, 'metadata.json');
  const graph = readGraph(config);
  const datasets = await readHdf5(entries.get('model.weights.h5')!, (at) => at === OPTIMIZER && !optimizer);
  const left = new Map(datasets.map((dataset) => [dataset.path, dataset]));
  const read = new FileWeights();
  for (const layer of graph.layers) {
    for (const { spec, at: usual } of storedWeights(layer, NOTHING_KEPT)) {
      const at = [usual, inTfKeras(usual)].find((path) => left.has(path)) ?? usual;
      const dataset = left.get(at);
      if (!dataset) throw new Problem('WEIGHTS_MISMATCH', `Layer ${layer.name} has no ${spec.name}: model.weights.h5 has no ${at}.`);
      left.delete(at);
      read.add(layer, spec, dataset, at === usual ? null : at);
    }
    for (const group of weightGroups(layer, read.names)) {
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
    weights: read.weights,
    extras: rest.filter((dataset) => !isVariable(dataset)),
    source: read.source('keras'),
    ...(optimizer ? { optimizer: variables } : {}),
  });
}

type Names = ReadonlyMap<string, string>;
const NOTHING_KEPT: Names = new Map();

/** A layer's weights and where they stand in `model.weights.h5`: where the file had them, else where Keras 3 has them. */
function storedWeights(layer: Layer, names: Names): { spec: WeightSpec; at: string }[] {
  return layer.weights.map((spec, index) => ({
    spec,
    at: names.get(weightKey(layer, spec.name)) ?? `${layer.storePath}/${spec.store ?? `vars/${index}`}`,
  }));
}

/** TensorFlow's Keras 2 hides the projections of attention. */
const inTfKeras = (path: string): string => path.replace(/\/((?:query|key|value|output)_dense)\//, '/_$1/');

/** The groups that hold a layer's weights; its own is there even where it holds none. An operation has none. */
function weightGroups(layer: Layer, names: Names): string[] {
  if (layer.storePath === '') return [];
  return [...new Set([`${layer.storePath}/vars`, ...storedWeights(layer, names).map(({ at }) => posix.dirname(at))])];
}

const isVariable = ({ path }: Hdf5Dataset): boolean => path.startsWith(`${OPTIMIZER}/`);

/** `config.json` of a `.keras` file, parsed; the weights are not unpacked. Throws Problem MODEL_UNREADABLE. */
export async function readKerasConfig(path: string): Promise<Record<string, unknown>> {
  const { entries } = await readZip(path, { 'config.json': LIMITS['config.json'] });
  return parseObject(entries.get('config.json') ?? Buffer.alloc(0), 'config.json');
}

/**
 * The bytes of a `.keras` file, deflated. The optimizer's variables are in it where the document has them, unless `optimizer` is false. The same
 * document gives the same bytes.
 * Throws Problem UNSUPPORTED_CONVERSION for a document of another format that Keras 3 has no words for.
 */
export async function writeKeras(document: ModelDocument, { optimizer = true }: { optimizer?: boolean } = {}): Promise<Buffer> {
  const isOwn = isKeras3File(document.source.format);
  const config = isOwn ? document.config : inStockKeras3(document);
  const names = isOwn ? document.source.names : NOTHING_KEPT;
  const content: Hdf5Content = { groups: [], datasets: [] };
  for (const layer of document.graph.layers) {
    content.groups.push(...weightGroups(layer, names).map((path) => ({ path, attributes: { name: layer.name } })));
    for (const { spec, at } of storedWeights(layer, names)) {
      const key = weightKey(layer, spec.name);
      content.datasets.push({ path: at, ...stored(document.weights.get(key)!, spec, key, document.source, HALVES) });
    }
  }
  content.groups.push({ path: 'vars', attributes: { name: document.graph.name } });
  if (isOwn) content.datasets.push(...document.extras);
  if (optimizer && document.optimizer?.length && config.compile_config && (isOwn || !isKeras2(document.config))) {
    content.groups.push({ path: `${OPTIMIZER}/vars`, attributes: { name: optimizerName(config) } });
    content.datasets.push(...document.optimizer);
  }
  return writeZip([
    ['metadata.json', Buffer.from(JSON.stringify(isOwn ? document.metadata : { keras_version: keras3Version(document.metadata) }))],
    ['config.json', Buffer.from(configText(config))],
    ['model.weights.h5', await writeHdf5(content)],
  ]);
}

function optimizerName({ compile_config }: Record<string, unknown>): string {
  const { optimizer } = (compile_config ?? {}) as { optimizer?: { config?: { name?: unknown } | null } | null };
  return String(optimizer?.config?.name ?? OPTIMIZER);
}
