/** The order in which Keras keeps weights in `.h5` and TensorFlow.js files: a layer's trainable ones, then the others; so of a nested model as a whole. */
import { type Graph, type Layer, type LayerConfig, weightKey } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';

export interface OrderedWeight {
  key: string;
  layer: Layer;
  spec: WeightSpec;
}

/** A layer or a nested model at the top of a model. */
export interface OrderedLayer {
  name: string;
  /** As the legacy `weights` property lists them. */
  weights: OrderedWeight[];
}

interface Halves {
  trainable: OrderedWeight[];
  fixed: OrderedWeight[];
}

/** The layers at the top of a model, each with its weights in Keras' legacy order. `config` is the model's, in Keras 3's dialect. */
export function legacyOrder(config: LayerConfig, graph: Graph): OrderedLayer[] {
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  return topLayers(config).map((entry) => {
    const { trainable, fixed } = halvesOf(entry, '', layers);
    return { name: entry.config.name ?? entry.name!, weights: [...trainable, ...fixed] };
  });
}

/** The whole model's weights in TensorFlow.js' order: the trainable ones of all layers, then the others. */
export function wholeOrder(config: LayerConfig, graph: Graph): OrderedWeight[] {
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const halves = topLayers(config).map((entry) => halvesOf(entry, '', layers));
  return [...halves.flatMap(({ trainable }) => trainable), ...halves.flatMap(({ fixed }) => fixed)];
}

const layersOf = (entry: LayerConfig): LayerConfig[] => entry.config.layers as LayerConfig[];
const isModel = (entry: LayerConfig): boolean => Array.isArray(entry.config.layers);

/** A Sequential does not count its InputLayer among its layers, and operations are none. */
export function topLayers(model: LayerConfig): LayerConfig[] {
  return layersOf(model).filter(
    ({ class_name, module }) =>
      !(class_name === 'InputLayer' && model.class_name === 'Sequential') && !/^keras\.(src\.)?ops/.test(module ?? ''),
  );
}

function halvesOf(entry: LayerConfig, prefix: string, layers: ReadonlyMap<string, Layer>): Halves {
  const name = `${prefix}${entry.config.name ?? entry.name}`;
  if (isModel(entry)) {
    const halves = layersOf(entry).map((inner) => halvesOf(inner, `${name}/`, layers));
    // A frozen model lists its layers' weights one layer after the other.
    if (entry.config.trainable === false)
      return { trainable: [], fixed: halves.flatMap(({ trainable, fixed }) => [...trainable, ...fixed]) };
    return { trainable: halves.flatMap(({ trainable }) => trainable), fixed: halves.flatMap(({ fixed }) => fixed) };
  }
  const layer = layers.get(name);
  const weights = (layer?.weights ?? []).map((spec) => ({ key: weightKey(layer!, spec.name), layer: layer!, spec }));
  if (!layer?.trainable) return { trainable: [], fixed: weights };
  return {
    trainable: weights.filter(({ spec }) => spec.role !== 'statistic'),
    fixed: weights.filter(({ spec }) => spec.role === 'statistic'),
  };
}
