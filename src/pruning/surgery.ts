/** Cutting units out of a document: numbers in its config and slices of its weights. */
import { type ModelDocument, makeDocument, type Weight } from '../model/document.ts';
import { forgetBuilds } from '../model/edit-config.ts';
import { type Call, type Layer, layerEntries, type TensorId, weightKey } from '../model/graph.ts';
import { type ConfigPath, layerClass, type Options, type Shape, size, type Units, type WeightSpec } from '../model/layers/index.ts';
import type { ChannelMap } from './groups.ts';

/** By unit number: 1 where the unit is removed. */
export type Removed = Uint8Array;

/** How many of these units are left. */
export const unitsKept = (units: Units, removed: Removed): number => units.reduce((count, unit) => count + (removed[unit] ? 0 : 1), 0);

/** The smaller document. `map` must be of `document.graph`. Throws what `makeDocument` throws when a group would be left without units. */
export function removeUnits(document: ModelDocument, map: ChannelMap, removed: Removed): ModelDocument {
  const config = structuredClone(document.config);
  const layers = layerEntries(config);
  forgetBuilds(config);
  const entries = new Map(layers.map(({ name, entry }) => [name, entry.config]));
  const rootConfig = config.config as Options;
  for (const { layer, path, units } of map.resizes) {
    const count = unitsKept(units, removed);
    if (count === units.length) continue;
    const options = entries.get(layer);
    if (path[0] === 'batch_shape') resizeInput(entries, rootConfig, layer, count);
    else if (options) Object.assign(options, withCount(options, path, count));
    else throw new Error(`The config has no layer ${layer}`);
  }
  const weights = new Map(
    [...document.weights].map(([key, weight]) => {
      let smaller = weight;
      for (const { axis, units } of map.bindings.get(key) ?? []) smaller = takeAlong(smaller, axis, units, removed);
      const counted = map.rescales.get(key);
      const left = counted ? unitsKept(counted, removed) : 0;
      if (counted && left < counted.length) {
        const factor = Math.sqrt(left / counted.length);
        smaller = { shape: smaller.shape, data: smaller.data.map((value) => value * factor) };
      }
      return [key, smaller];
    }),
  );
  const { metadata, extras, source, sample } = document;
  return makeDocument({ config, metadata, weights, extras, source, sample });
}

/** The options with another number at a path; what does not lead there is shared. */
function withCount(value: unknown, path: ConfigPath, count: number): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return resized(value, count);
  if (Array.isArray(value)) return value.with(Number(step), withCount(value[Number(step)], rest, count));
  const options = value as Options;
  return { ...options, [step]: withCount(options[step], rest, count) };
}

/** The declared shapes of a nested model's input, wherever the dialect has them. */
function resizeInput(entries: ReadonlyMap<string, Options>, root: Options, layer: string, count: number): void {
  const model = layer.slice(0, Math.max(0, layer.lastIndexOf('/')));
  // Older files leave the InputLayer out, and say the shape in the first layer.
  const places = [entries.get(layer), entries.get(layer.replace(/_input$/, '')), model === '' ? root : entries.get(model)];
  for (const options of places) {
    for (const option of ['batch_shape', 'batch_input_shape', 'build_input_shape']) {
      if (options && Array.isArray(options[option])) options[option] = resized(options[option], count);
    }
  }
}

function resized(value: unknown, count: number): unknown {
  if (!Array.isArray(value)) return count;
  return value.at(-1) === -1 ? value : value.with(-1, count);
}

/** The weight without the indices of `axis` whose unit is removed. */
function takeAlong(weight: Weight, axis: number, units: Units, removed: Removed): Weight {
  const length = weight.shape[axis]!;
  const indices = [...units.keys()].filter((index) => !removed[units[index]!]);
  if (indices.length === length) return weight;
  const inner = weight.shape.slice(axis + 1).reduce((product, dimension) => product * dimension, 1);
  const outer = weight.shape.slice(0, axis).reduce((product, dimension) => product * dimension, 1);
  const data = new Float32Array(outer * indices.length * inner);
  let to = 0;
  for (let block = 0; block < outer; block++) {
    for (const index of indices) {
      const from = (block * length + index) * inner;
      data.set(weight.data.subarray(from, from + inner), to);
      to += inner;
    }
  }
  return { shape: weight.shape.with(axis, indices.length), data };
}

/** Weights of the whole model once the units are gone, counted on shapes alone. */
export function parametersWithout(map: ChannelMap, removed: Removed): number {
  return map.graph.layers.reduce((total, layer) => {
    const counts = layer.weights.map((weight) => size(weightShapeWithout(map, layer, weight, removed)));
    return total + counts.reduce((sum, count) => sum + count, 0);
  }, 0);
}

/** The shape of a layer's weight once the units are gone. */
export function weightShapeWithout(map: ChannelMap, layer: Layer, { name, shape }: WeightSpec, removed: Removed): readonly number[] {
  const bindings = map.bindings.get(weightKey(layer, name)) ?? [];
  return bindings.reduce((cut, { axis, units }) => cut.with(axis, unitsKept(units, removed)), shape);
}

/** The shape of a tensor once the units are gone; `shape` is that with all of them, with or without the batch axis. */
export function shapeWithout<Of extends number | null>(
  map: ChannelMap,
  tensor: TensorId,
  shape: readonly Of[],
  removed: Removed,
): readonly Of[] {
  const units = map.tensorUnits[tensor];
  // A free axis has no units.
  return units && units.length > 0 && shape.length > 0 ? shape.with(-1, unitsKept(units, removed) as Of) : shape;
}

/** The configs of those layers that count some of the removed units, by name. */
export function optionsWithout(map: ChannelMap, removed: Removed): Map<string, Options> {
  const smaller = new Map<string, Options>();
  for (const { layer, path, units } of map.resizes) {
    const count = unitsKept(units, removed);
    if (count === units.length) continue;
    const options = smaller.get(layer) ?? map.graph.layers.find(({ name }) => name === layer)!.options;
    smaller.set(layer, withCount(options, path, count) as Options);
  }
  return smaller;
}

/** Multiply-accumulates for one sample once the units are gone, counted on shapes alone. */
export function macsWithout(map: ChannelMap, removed: Removed): number {
  const shapes: Shape[] = map.graph.shapes.map((shape, tensor) => shapeWithout(map, tensor, shape, removed));
  const smaller = optionsWithout(map, removed);
  return map.graph.calls.reduce((total, call) => total + callMacs(call, smaller, (tensor) => shapes[tensor]!), 0);
}

/** Those of one call. */
export function callMacsWithout(map: ChannelMap, call: Call, removed: Removed): number {
  return callMacs(call, optionsWithout(map, removed), (tensor) => shapeWithout(map, tensor, map.graph.shapes[tensor]!, removed));
}

function callMacs({ layer, inputs, output }: Call, smaller: ReadonlyMap<string, Options>, shapeOf: (tensor: TensorId) => Shape): number {
  const { macs } = layerClass(layer.className);
  return macs ? macs(smaller.get(layer.name) ?? layer.options, inputs.map(shapeOf), shapeOf(output)) : 0;
}
