/** Edits of a model's config that add layers and take some away. Configs are in Keras 3's dialect, and the caller's own: they are changed in place. */
import type { TensorReference } from './call-arguments.ts';
import { callKey, layerOrder, type OrderedCall } from './execution-order.ts';
import { callOfOutput, type LayerConfig, layerEntries, layerName } from './layer-config.ts';

interface Model {
  class_name: string;
  config: { layers: LayerConfig[]; input_layers?: unknown; output_layers?: unknown };
}

/** A tensor as the nodes of a config refer to it. */
interface TensorEntry {
  class_name: '__keras_tensor__';
  config: { shape: (number | null)[]; dtype: string; keras_history: [layer: string, call: number, output: number] };
}

/** Puts a layer in front of another, which from then on reads it alone: a Dense or a convolution, whose one input it takes over. */
export function insertBefore(config: unknown, name: string, entry: LayerConfig, channels: number): void {
  const { model, layer } = homeOf(config, name);
  const { layers } = model.config;
  const at = layers.findIndex((candidate) => layerName(candidate) === layer);
  const reader = layers[at]!;
  if (model.class_name === 'Sequential') {
    layers.splice(at, 0, entry);
    return;
  }
  const own = layerName(entry);
  const nodes = reader.inbound_nodes ?? [];
  layers.splice(at, 0, { ...entry, name: own, inbound_nodes: structuredClone(nodes) });
  for (const [call, node] of nodes.entries()) {
    for (const { config: tensor } of tensorsIn(node)) {
      tensor.shape = tensor.shape.with(-1, channels);
      tensor.keras_history = [own, call, 0];
    }
  }
  sortLayers(model);
}

/**
 * Takes a layer of several inputs away: who read it reads its input of this number instead. Layers that nobody reads then go with it; InputLayers stay. The
 * layer must be called once, and its output be none of its model's.
 */
export function bypass(config: unknown, name: string, input: number): void {
  const { model, layer } = homeOf(config, name);
  const gone = model.config.layers.find((candidate) => layerName(candidate) === layer)!;
  const instead = tensorsIn(gone.inbound_nodes)[input]!.config.keras_history;
  for (const entry of model.config.layers) {
    for (const { config: tensor } of tensorsIn(entry.inbound_nodes)) {
      if (tensor.keras_history[0] === layer) tensor.keras_history = [...instead];
    }
  }
  const read = new Map(
    model.config.layers.map((entry) => [layerName(entry), tensorsIn(entry.inbound_nodes).map((tensor) => tensor.config.keras_history[0])]),
  );
  const stays = new Set<string>();
  const waiting = triplesIn(model.config.output_layers).map(([name]) => name);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (stays.has(next)) continue;
    stays.add(next);
    waiting.push(...(read.get(next) ?? []));
  }
  model.config.layers = model.config.layers.filter((entry) => entry.class_name === 'InputLayer' || stays.has(layerName(entry)));
  sortLayers(model);
}

/** Keras numbers a file's folders in the order in which the layers stand when it has loaded them, whatever the config's. */
function sortLayers({ config }: Model): void {
  const calls = config.layers.flatMap((entry): OrderedCall[] => {
    const layer = layerName(entry);
    if (entry.class_name === 'InputLayer') return [{ layer, index: 0, from: [] }];
    return (entry.inbound_nodes ?? []).map((node, index) => ({
      layer,
      index,
      from: tensorsIn(node).map(({ config: { keras_history } }) => callKey(keras_history[0], keras_history[1])),
    }));
  });
  const outputs = triplesIn(config.output_layers).map(([layer, call]) => {
    const entry = config.layers.find((candidate) => layerName(candidate) === layer)!;
    return callKey(layer, callOfOutput(entry, call));
  });
  const order = new Map(layerOrder(calls, outputs).map((layer, place) => [layer, place]));
  config.layers.sort((a, b) => order.get(layerName(a))! - order.get(layerName(b))!);
}

/** Whether the config has a layer of this name in the graph. */
export function hasLayer(config: unknown, name: string): boolean {
  return layerEntries(config).some((entry) => entry.name === name);
}

/** The options of a layer, by its name in the graph. */
export function optionsOf(config: unknown, name: string): LayerConfig['config'] {
  return layerEntries(config).find((entry) => entry.name === name)!.entry.config;
}

/** Keras refuses to load a layer whose build_config tells another shape than it gets; without one it builds it from its input. */
export function forgetBuilds(config: Record<string, unknown>): void {
  delete config.build_config;
  for (const { entry } of layerEntries(config)) forgetBuild(entry);
}

/** Layers inside a layer's options were built as well. */
function forgetBuild(entry: { config?: unknown; build_config?: unknown }): void {
  delete entry.build_config;
  const { layer, backward_layer, cell, cells } = (entry.config ?? {}) as Record<string, unknown>;
  for (const inner of [layer, backward_layer, cell, cells].flat()) if (inner !== null && typeof inner === 'object') forgetBuild(inner);
}

/** The model that holds a layer, and the layer's name in it. */
function homeOf(config: unknown, name: string): { model: Model; layer: string } {
  const parts = name.split('/');
  const layer = parts.pop()!;
  let model = config as Model;
  for (const part of parts) model = model.config.layers.find((entry) => layerName(entry) === part) as unknown as Model;
  return { model, layer };
}

/** Every tensor that nodes refer to, in the order of their arguments. */
function tensorsIn(value: unknown): TensorEntry[] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value === null || typeof value !== 'object') return [];
  if ((value as TensorEntry).class_name === '__keras_tensor__') return [value as TensorEntry];
  return Object.values(value).flatMap(tensorsIn);
}

/** What `output_layers` names: one triple, or lists and dictionaries of them. */
function triplesIn(value: unknown): TensorReference[] {
  if (Array.isArray(value))
    return typeof value[0] === 'string' && value.length === 3 ? [value as unknown as TensorReference] : value.flatMap(triplesIn);
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(triplesIn) : [];
}
