/** The parts of kernels that belong to a unit. */
import type { Weights } from '../model/document.ts';
import { weightKey } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';

/**
 * By unit of the group: its kernel slices in the order of the model's layers, float32 each. `producers` gives those of the layers that make the group's
 * units alone, else those of its readers come too.
 */
export function kernelSlices(
  group: ChannelGroup,
  map: ChannelMap,
  weights: Weights,
  of: 'producers' | 'all' = 'all',
): Map<number, Float32Array[]> {
  const slices = new Map<number, Float32Array[]>(Array.from(group.units, (unit) => [unit, []]));
  for (const layer of map.graph.layers) {
    const makes = group.layers.includes(layer.name);
    if (of === 'producers' && !makes) continue;
    for (const spec of layer.weights.filter((weight) => weight.role === 'kernel')) {
      const key = weightKey(layer, spec.name);
      for (const { axis, units } of map.bindings.get(key) ?? []) {
        const reads = axis === spec.axes?.input && axis !== spec.axes.output;
        if (of === 'producers' && reads) continue;
        if (!units.some((unit) => slices.has(unit))) continue;
        const { shape, data } = weights.get(key)!;
        const inner = size(shape.slice(axis + 1));
        const length = shape[axis]!;
        for (let index = 0; index < length; index++) {
          const own = slices.get(units[index]!);
          if (!own) continue;
          const slice = new Float32Array(data.length / length);
          let to = 0;
          for (let from = index * inner; from < data.length; from += length * inner) {
            slice.set(data.subarray(from, from + inner), to);
            to += inner;
          }
          own.push(slice);
        }
      }
    }
  }
  return slices;
}

/** The arrays one behind the other. */
export function joined(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
