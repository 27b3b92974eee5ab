/** Cutting units out of a document: numbers in its config and slices of its weights. */
import { type ModelDocument, makeDocument, type Weight } from '../model/document.ts';
import { layerEntries, weightKey } from '../model/graph.ts';
import { layerClass, type Shape, type Units } from '../model/layers/index.ts';
import type { ChannelMap } from './groups.ts';

/** By unit number: 1 where the unit is removed. */
export type Removed = Uint8Array;

const kept = (units: Units, removed: Removed): number => units.reduce((count, unit) => count + (removed[unit] ? 0 : 1), 0);

/** The smaller document. `map` must be of `document.graph`. Throws what `makeDocument` throws when a group would be left without units. */
export function removeUnits(document: ModelDocument, map: ChannelMap, removed: Removed): ModelDocument {
  const config = structuredClone(document.config);
  const layers = layerEntries(config);
  // Keras refuses to load a layer whose build_config tells another shape; it builds anew from the input without one.
  delete config.build_config;
  for (const { entry } of layers) delete entry.build_config;
  for (const { layer, option, units } of map.resizes) {
    const options = layers.find(({ name }) => name === layer)!.entry.config;
    options[option] = resized(options[option], kept(units, removed));
  }
  const weights = new Map(
    [...document.weights].map(([key, weight]) => {
      let smaller = weight;
      for (const { axis, units } of map.bindings.get(key) ?? []) smaller = takeAlong(smaller, axis, units, removed);
      return [key, smaller];
    }),
  );
  const { metadata, extras, source } = document;
  return makeDocument({ config, metadata, weights, extras, source });
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
    const counts = layer.weights.map(({ name, shape }) => {
      const bindings = map.bindings.get(weightKey(layer, name)) ?? [];
      return bindings.reduce((cut, { axis, units }) => cut.with(axis, kept(units, removed)), shape).reduce((all, axis) => all * axis, 1);
    });
    return total + counts.reduce((sum, count) => sum + count, 0);
  }, 0);
}

/** Multiply-accumulates for one sample once the units are gone, counted on shapes alone. */
export function macsWithout(map: ChannelMap, removed: Removed): number {
  const shapes: Shape[] = map.graph.shapes.map((shape, tensor) => {
    const units = map.tensorUnits[tensor];
    return units && shape.length > 0 ? shape.with(-1, kept(units, removed)) : shape;
  });
  return map.graph.calls.reduce((total, call) => {
    const inputs = call.inputs.map((tensor) => shapes[tensor]!);
    return total + (layerClass(call.layer.className).macs?.(call.layer.options, inputs, shapes[call.output]!) ?? 0);
  }, 0);
}
