/** Documents whose config has other layers than the one they come from. */
import { type ModelDocument, makeDocument, type Weights } from './document.ts';
import { forgetBuilds } from './edit-config.ts';
import { inStockKeras3, isKeras3File, keras3Version } from './formats/stock-keras-3.ts';
import { type Graph, readGraph } from './graph.ts';

/** The document's config, the caller's own, in which layers may be added and taken away. Throws Problem UNSUPPORTED_CONVERSION. */
export function editableConfig(document: ModelDocument): Record<string, unknown> {
  const config = structuredClone(inStockKeras3(document));
  forgetBuilds(config);
  return config;
}

/**
 * The document with another config and weights. Where it lists the layers that it did, everything else stays. Where it does not, the document is one of a
 * `.keras` file from then on, and what the file held beside weights goes with its layers; the state of the optimizer is of other weights, and goes.
 * Throws what `makeDocument` throws.
 */
export function withConfig(document: ModelDocument, config: Record<string, unknown>, weights: Weights): ModelDocument {
  const { metadata, extras, source, sample } = document;
  const graph = readGraph(config, sample);
  if (sameLayers(document.graph, graph)) return makeDocument({ config, metadata, weights, extras, source, sample });
  const own = isKeras3File(source.format);
  const keys = new Set(weights.keys());
  return makeDocument({
    config,
    sample,
    metadata: own ? metadata : { keras_version: keras3Version(metadata) },
    weights,
    extras: own
      ? extras.flatMap(({ path, ...dataset }) => movedPaths(path, document.graph, graph).map((at) => ({ ...dataset, path: at })))
      : [],
    source: {
      format: 'keras',
      names: new Map(),
      narrow: new Map([...source.narrow].filter(([key]) => keys.has(key))),
      doubles: new Map([...source.doubles].filter(([key]) => keys.has(key))),
    },
  });
}

function sameLayers(a: Graph, b: Graph): boolean {
  return a.layers.length === b.layers.length && a.layers.every(({ name }, index) => name === b.layers[index]!.name);
}

/** Where a layer's data set stands in the other graph: Keras numbers the folders of a class in the order of its layers. None where the layer is gone. */
function movedPaths(path: string, before: Graph, after: Graph): string[] {
  const owner = before.layers
    .filter(({ storePath }) => storePath !== '' && path.startsWith(`${storePath}/`))
    .sort((a, b) => b.storePath.length - a.storePath.length)[0];
  if (!owner) return [path];
  const now = after.layers.find(({ name }) => name === owner.name);
  return now ? [`${now.storePath}${path.slice(owner.storePath.length)}`] : [];
}
