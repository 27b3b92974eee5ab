import type { LayerClass, Options } from '../layer-class.ts';
import { sampleAxes, sampleAxis } from './axes.ts';
import { coupleLast } from './coupling.ts';

/** The axes of a sample, from 0, in their new order. */
type Order = (options: Options, rank: number) => number[];

/** `transpose`: every axis once, the batch's first. */
export const transposed: Order = (options, rank) => {
  const { axes } = options;
  const all = Array.isArray(axes) && axes.length === rank + 1 && axes[0] === 0;
  if (!all) throw new Error(`axes is ${JSON.stringify(axes)}; ${rank + 1} axes are needed, with the batch's, 0, as the first`);
  const order = axes.slice(1).map((axis) => sampleAxis(axis, rank + 1));
  if (new Set(order).size < rank) throw new Error(`axes is ${JSON.stringify(axes)}; each axis is needed once`);
  return order;
};

/** `swapaxes`. */
export const swapped: Order = (options, rank) => {
  const [a, b] = [sampleAxis(options.axis1, rank + 1), sampleAxis(options.axis2, rank + 1)];
  return Array.from({ length: rank }, (_none, axis) => (axis === a ? b : axis === b ? a : axis));
};

/** `moveaxis`. */
export const moved: Order = (options, rank) => {
  const list = (value: unknown): number[] => (Array.isArray(value) ? value : [value]).map((axis) => sampleAxis(axis, rank + 1));
  const [from, to] = [list(options.source), list(options.destination)];
  if (from.length !== to.length) throw new Error('source and destination name as many axes');
  // Throws where an axis is named twice.
  for (const axes of [options.source, options.destination]) sampleAxes(axes, rank + 1);
  const rest = Array.from({ length: rank }, (_none, axis) => axis).filter((axis) => !from.includes(axis));
  const order: number[] = new Array(rank).fill(-1);
  to.forEach((place, index) => {
    order[place] = from[index]!;
  });
  return order.map((axis) => (axis === -1 ? rest.shift()! : axis));
};

function permutation(order: Order): LayerClass {
  return {
    callTensors: ['x'],
    outputShape: (options, [input]) => order(options, input!.length).map((axis) => input![axis]!),
    couple: (options, coupling) => {
      const rank = coupling.outputShape.length;
      return coupleLast(coupling, order(options, rank).at(-1) === rank - 1, 'a permutation that moves the last axis');
    },
  };
}

/** Permutations of axes by Keras' names. */
export const PERMUTATIONS = {
  'ops.Moveaxis': permutation(moved),
  'ops.Swapaxes': permutation(swapped),
  'ops.Transpose': permutation(transposed),
} as const satisfies Record<string, LayerClass>;
