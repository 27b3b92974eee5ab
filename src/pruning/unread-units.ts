/** Units that nothing reads: of which every weight behind them is zero. The network computes the same without them. */
import type { Weights } from '../model/document.ts';
import { weightKey } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import type { ChannelMap } from './groups.ts';
import { readers } from './readers.ts';
import type { Removed } from './surgery.ts';

/** Layers that read each unit by weights of its own and mix nothing else, or pass it on. */
const PLAIN: ReadonlySet<string> = new Set([
  ...['Dense', 'Conv1D', 'Conv2D', 'Conv3D', 'Conv1DTranspose', 'Conv2DTranspose', 'Conv3DTranspose'],
  ...['DepthwiseConv1D', 'DepthwiseConv2D', 'BatchNormalization'],
]);

/** By unit number: 1 where it is read by zeros alone. Of each group one unit stays; groups that are frozen, or that any other layer has weights for, stay whole. */
export function unreadUnits(map: ChannelMap, weights: Weights): Removed {
  const isRead = new Uint8Array(map.unitCount);
  for (const { kernel, axis, units } of readers(map)) {
    const { shape, data } = weights.get(kernel.key)!;
    const inner = size(shape.slice(axis + 1));
    for (const [index, value] of data.entries()) if (value !== 0) isRead[units[Math.floor(index / inner) % shape[axis]!]!] = 1;
  }
  const keep = (units: Iterable<number>): void => {
    for (const unit of units) isRead[unit] = 1;
  };
  for (const layer of map.graph.layers.filter(({ className }) => !PLAIN.has(className))) {
    for (const { name } of layer.weights) for (const { units } of map.bindings.get(weightKey(layer, name)) ?? []) keep(units);
  }
  for (const { call, input } of map.readers) if (!PLAIN.has(call.layer.className)) keep(map.tensorUnits[call.inputs[input]!]!);
  const removed = new Uint8Array(map.unitCount);
  for (const { units } of map.groups.filter(({ frozen }) => frozen === null)) {
    const unread = [...units].filter((unit) => !isRead[unit]);
    for (const unit of unread.length === units.length ? unread.slice(1) : unread) removed[unit] = 1;
  }
  return removed;
}
