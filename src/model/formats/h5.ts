/**
 * Whole models in HDF5, the format of Keras 2 that Keras 3 still writes: the config in an attribute, a group of weights for each layer. Keras tells weights
 * apart by their order alone.
 */
import { readFile } from 'node:fs/promises';
import { Problem, received } from '../../errors.ts';
import { APPLICATION_CLASSES, inKeras3, isKeras2, OWN_NAMES } from '../dialect.ts';
import { type ModelDocument, makeDocument, type OptimizerVariable } from '../document.ts';
import { type LayerConfig, readGraph } from '../graph.ts';
import { configText, trainingText } from './config-text.ts';
import { type Hdf5Content, type Hdf5Dataset, type Hdf5File, withHdf5, writeHdf5 } from './hdf5.ts';
import type { ReadOptions } from './keras.ts';
import { parseObject } from './parse-json.ts';
import { inStockKeras3, keras3Version, refuseKeras3 } from './stock-keras-3.ts';
import { FileWeights, stored } from './stored-weights.ts';
import { compileOf, trainingConfig } from './training-config.ts';
import { legacyOrder, type OrderedWeight } from './weight-order.ts';

const WEIGHTS = 'model_weights';
const OPTIMIZER = 'optimizer_weights';
/** Types of two bytes that Keras loads from there, whatever the layer's own is. It knows no bfloat16 in this format. */
const HALVES = ['float16'] as const;
const TOP_LEVEL = `${WEIGHTS}/top_level_model_weights`;
const ADVICE = 'Save the whole model, with model.save("model.keras").';

/**
 * Reads a whole-model `.h5` file.
 * Throws Problem: UNSUPPORTED_FORMAT, MODEL_UNREADABLE, WEIGHTS_MISMATCH, NON_FINITE_WEIGHTS and those of `readGraph`.
 */
export async function readH5(path: string, { optimizer = false }: ReadOptions = {}): Promise<ModelDocument> {
  return withHdf5(await readFile(path), (file) => {
    const config = configOf(file);
    const graph = readGraph(config);
    const order = legacyOrder(inKeras3(config) as LayerConfig, graph).filter(({ weights }) => weights.length > 0);
    const left = new Map(file.datasets((at) => at === OPTIMIZER && !optimizer).map((dataset) => [dataset.path, dataset]));
    const groups = (file.texts(WEIGHTS, 'layer_names') ?? [])
      .map((name) => ({ name, weights: file.texts(`${WEIGHTS}/${name}`, 'weight_names') ?? [] }))
      .filter(({ weights }) => weights.length > 0);
    if (groups.length !== order.length) {
      throw new Problem(
        'WEIGHTS_MISMATCH',
        `The file has weights of ${groups.length} layers [${groups
          .slice(0, 20)
          .map(({ name }) => name)
          .join(', ')}]; the model's config has ${order.length} that need some.`,
      );
    }
    const read = new FileWeights();
    for (const [index, layer] of order.entries()) {
      const group = groups[index]!;
      const datasets = group.weights.map((name) => ({ name, dataset: take(left, `${WEIGHTS}/${group.name}/${name}`) }));
      if (datasets.length !== layer.weights.length) {
        throw new Problem(
          'WEIGHTS_MISMATCH',
          `Layer ${layer.name} needs ${layer.weights.length} weights; the file has ${datasets.length} of them under ${group.name}: ${received(group.weights)}`,
        );
      }
      for (const [at, { layer: owner, spec }] of layer.weights.entries()) {
        const { name, dataset } = datasets[at]!;
        checkName(name, layer.weights, at);
        read.add(owner, spec, dataset, `${group.name}/${name}`);
      }
    }
    refuseOwnWeights(file);
    const variables = optimizer ? optimizerOf(file, left) : null;
    return makeDocument({
      config,
      metadata: metadataOf(file),
      // In the order of the layers, as other formats have them, and not in that of the file.
      weights: new Map(
        graph.layers
          .flatMap((layer) => layer.weights.map(({ name }) => `${layer.name}/${name}`))
          .map((key) => [key, read.weights.get(key)!]),
      ),
      extras: [...left.values()],
      source: read.source('h5'),
      ...(variables ? { optimizer: variables } : {}),
    });
  });
}

/** The Keras config of a whole-model `.h5` file, with its compilation. Throws Problem UNSUPPORTED_FORMAT or MODEL_UNREADABLE. */
export async function readH5Config(path: string): Promise<Record<string, unknown>> {
  return withHdf5(await readFile(path), configOf);
}

function configOf(file: Hdf5File): Record<string, unknown> {
  const text = file.text('', 'model_config');
  if (text === null) {
    const holds = file.names('') ?? [];
    const isWeights =
      holds.includes('layers') || file.texts('', 'layer_names') !== null || holds.includes('_layer_checkpoint_dependencies');
    throw new Problem(
      'UNSUPPORTED_FORMAT',
      isWeights
        ? `The HDF5 file holds weights without a model. ${ADVICE}`
        : `The HDF5 file is no Keras model: it has no model_config. It holds: ${received(holds.slice(0, 10))}`,
    );
  }
  const config = parseObject(text, 'model_config');
  // Keras before 2.2.3 wrote a Sequential as the list of its layers.
  if (Array.isArray(config.config)) config.config = { name: 'sequential', layers: config.config };
  const training = file.text('', 'training_config');
  return training === null ? config : { ...config, compile_config: compileOf(parseObject(training, 'training_config')) };
}

function metadataOf(file: Hdf5File): Record<string, unknown> {
  const entries = ['keras_version', 'backend'].map((name) => [name, file.text('', name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== null));
}

/** Weights of a model's own, beside its layers', are made by code that is not in the file. */
function refuseOwnWeights(file: Hdf5File): void {
  const own = file.texts(TOP_LEVEL, 'weight_names') ?? [];
  if (own.length > 0) {
    throw new Problem(
      'CUSTOM_CODE_IN_MODEL',
      `The model has weights of its own beside its layers', ${received(own)}; only code makes such.`,
    );
  }
}

function take(left: Map<string, Hdf5Dataset>, path: string): Hdf5Dataset {
  const dataset = left.get(path);
  if (!dataset) throw new Problem('WEIGHTS_MISMATCH', `The file lists a weight ${path} and does not hold it.`);
  left.delete(path);
  return dataset;
}

/** The order is what counts; a name that belongs to another weight of the layer shows that it is another than Keras'. */
function checkName(name: string, weights: readonly OrderedWeight[], at: number): void {
  const lastOf = (path: string): string => path.replace(/:\d+$/, '').split('/').at(-1)!;
  const said = lastOf(name);
  const expected = lastOf(weights[at]!.spec.name);
  if (said === expected || !weights.some(({ spec }) => lastOf(spec.name) === said)) return;
  throw new Problem('WEIGHTS_MISMATCH', `The file has ${name} where ${weights[at]!.key} is stored.`);
}

/** The optimizer's variables in their order, as a `.keras` file numbers them. */
function optimizerOf(file: Hdf5File, left: Map<string, Hdf5Dataset>): OptimizerVariable[] | null {
  const names = file.texts(OPTIMIZER, 'weight_names');
  if (names === null) return null;
  return names.map((name, index) => ({ ...take(left, `${OPTIMIZER}/${name}`), path: `optimizer/vars/${index}`, name }));
}

/**
 * The bytes of a whole-model `.h5` file: of Keras 2 where the document is of Keras 2, else of Keras 3. Large weights are deflated. The same document gives
 * the same bytes.
 * Throws Problem UNSUPPORTED_CONVERSION where Keras could not load the file.
 */
export async function writeH5(
  document: ModelDocument,
  { optimizer = true }: { optimizer?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { config, metadata, source, graph } = document;
  refuseH5(document);
  const modern = inKeras3(config) as LayerConfig;
  // What came in an .h5 file goes out as it came. Anything else is written as Keras 3 writes it.
  const isOwn = source.format === 'h5';
  const keras2 = isOwn && isKeras2(config);
  const { compile_config: compile, ...model } = isOwn ? config : inStockKeras3(document);
  const kept = isOwn ? source.names : new Map<string, string>();
  const about = isOwn
    ? { backend: String(metadata.backend ?? 'tensorflow'), keras_version: String(metadata.keras_version ?? '2') }
    : { backend: 'tensorflow', keras_version: keras3Version(metadata) };
  const training = trainingConfig(compile, keras2);
  const content: Hdf5Content = {
    groups: [
      {
        path: '',
        attributes: {
          ...about,
          model_config: configText(isOwn ? model : legacyConfig(model)),
          ...(training === null ? {} : { training_config: trainingText(training) }),
        },
      },
    ],
    datasets: [],
    deflate: true,
  };
  const order = legacyOrder(modern, graph);
  content.groups.push({ path: WEIGHTS, attributes: { ...about, layer_names: order.map(({ name }) => name) } });
  for (const layer of [...order].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const names = layer.weights.map(({ key }) => kept.get(key)?.slice(layer.name.length + 1) ?? key);
    content.groups.push({ path: `${WEIGHTS}/${layer.name}`, attributes: { weight_names: names } });
    for (const [at, { key, spec }] of layer.weights.entries()) {
      content.datasets.push({
        path: `${WEIGHTS}/${layer.name}/${names[at]}`,
        ...stored(document.weights.get(key)!, spec, key, source, HALVES),
      });
    }
  }
  content.groups.push({ path: TOP_LEVEL, attributes: { weight_names: [] } });
  if (isOwn) content.datasets.push(...document.extras);
  if (optimizer && document.optimizer?.length && training !== null && isKeras2(config) === keras2) {
    const name = String((training.optimizer_config as { config?: { name?: unknown } }).config?.name ?? 'optimizer');
    const names = document.optimizer.map((variable, index) => variable.name ?? `${name}/${index}`);
    content.groups.push({ path: OPTIMIZER, attributes: { weight_names: names } });
    for (const [index, dataset] of document.optimizer.entries())
      content.datasets.push({ ...dataset, path: `${OPTIMIZER}/${names[index]}` });
  }
  return writeHdf5(content);
}

/** Throws Problem UNSUPPORTED_CONVERSION where stock Keras could not load the document from an `.h5` file. */
export function refuseH5(document: ModelDocument): void {
  const { config, source } = document;
  if (source.format === 'h5' && isKeras2(config)) return;
  if (source.format !== 'h5') refuseKeras3(document);
  refuseLayers(inKeras3(config) as LayerConfig, '');
}

/**
 * Keras 3 cannot load all that it writes into an `.h5` file. It does not say there that operations are none of its layers, nor where classes of
 * `keras.applications` itself are from; it takes the score mode of an Attention for a function's name; and it drops lists of axes when it loads.
 */
function refuseLayers(model: LayerConfig, prefix: string): void {
  for (const entry of model.config.layers as LayerConfig[]) {
    const name = `${prefix}${entry.config.name ?? entry.name}`;
    if (/^keras\.(src\.)?ops/.test(entry.module ?? '')) {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `Keras cannot load an .h5 file with operations, such as ${name} (${entry.class_name}). Take format keras, or build the model with layers (Add, Rescaling) in their place.`,
      );
    }
    if (entry.class_name === 'Attention') {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `Keras cannot load an .h5 file with a layer of the class Attention, such as ${name}. Take format keras.`,
      );
    }
    if (Object.hasOwn(APPLICATION_CLASSES, entry.class_name)) {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `Keras cannot load an .h5 file with layers of a class of keras.applications itself, such as ${name} (${entry.class_name}). Take format keras.`,
      );
    }
    const { axis } = entry.config;
    if (Array.isArray(axis) && axis.length !== 1) {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `Keras drops a list of axes when it loads an .h5 file, and computes something else: ${name} (${entry.class_name}) has axis ${received(axis)}. Take format keras.`,
      );
    }
    if (Array.isArray(entry.config.layers)) refuseLayers(entry, `${name}/`);
  }
}

/** A config of `config.json` as `.h5` files have it: entries say their class by its own name and not its module, and nothing says how it was built. */
function legacyConfig(model: Record<string, unknown>): Record<string, unknown> {
  const { class_name, config } = model as unknown as LayerConfig;
  return {
    class_name,
    config: {
      ...config,
      layers: (config.layers as LayerConfig[]).map((entry) => {
        const { module: _module, registered_name: _registered, build_config: _build, ...kept } = entry;
        const rest = { ...kept, class_name: OWN_NAMES[entry.class_name] ?? entry.class_name };
        return Array.isArray(entry.config.layers) ? { ...rest, ...legacyConfig(entry as unknown as Record<string, unknown>) } : rest;
      }),
    },
  };
}
