/** What a target counts of a model with units removed; by shapes alone, but for bytes, which are estimated and then counted on a written file. */
import { deflateRawSync } from 'node:zlib';
import type { ModelDocument } from '../model/document.ts';
import { weightKey } from '../model/graph.ts';
import type { ChannelMap } from './groups.ts';
import { macsWithout, parametersWithout, type Removed, unitsKept } from './surgery.ts';

export interface Measure {
  /** In the plural, for errors. */
  unit: string;
  /** Never grows when more units are removed. */
  of(removed: Removed): number;
}

/** Multiply-accumulates for one sample. */
export function macsMeasure(map: ChannelMap): Measure {
  return { unit: 'multiply-accumulates', of: (removed) => macsWithout(map, removed) };
}

/** Weights of every kind. */
export function parametersMeasure(map: ChannelMap): Measure {
  return { unit: 'parameters', of: (removed) => parametersWithout(map, removed) };
}

/**
 * Bytes of the `.keras` file as the service writes it, estimated: each weight deflates in proportion to what is left of it, and everything else stays as
 * it is. `whole` is the size of the file with every unit.
 */
export function bytesMeasure(document: ModelDocument, map: ChannelMap, whole: number): Measure {
  const weights = document.graph.layers.flatMap((layer) =>
    layer.weights.map(({ name, shape }) => {
      const key = weightKey(layer, name);
      const { data } = document.weights.get(key)!;
      return { key, shape, deflated: deflateRawSync(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).length };
    }),
  );
  const rest = whole - weights.reduce((sum, { deflated }) => sum + deflated, 0);
  return {
    unit: 'bytes',
    of: (removed) =>
      weights.reduce((sum, { key, shape, deflated }) => {
        const kept = (map.bindings.get(key) ?? []).reduce((fraction, { axis, units }) => {
          return (fraction * unitsKept(units, removed)) / shape[axis]!;
        }, 1);
        return sum + deflated * kept;
      }, rest),
  };
}
