import type { LayerClass } from './layer-class.ts';
import { size } from './layer-class.ts';

/** Reshape. One that keeps the last axis keeps its units; any other freezes them. */
export const reshape: LayerClass = {
  outputShape: (options, [input]) => {
    const target = options.target_shape;
    if (!Array.isArray(target)) throw new Error(`target_shape is ${JSON.stringify(target)}; it must be a list`);
    if (input!.some((dimension) => dimension === null)) throw new Error('every axis of the input must have a fixed size');
    const known = target.filter((dimension) => dimension !== -1).reduce((product, dimension) => product * dimension, 1);
    const shape = target.map((dimension) => (dimension === -1 ? size(input!) / known : dimension));
    if (!shape.every(Number.isInteger) || size(shape) !== size(input!)) {
      throw new Error(`[${input!.join(', ')}] cannot become [${target.join(', ')}]`);
    }
    return shape;
  },
  keepsValues: () => true,
  couple: (_options, coupling) => {
    const units = coupling.inputs[0]!;
    const shape = coupling.outputShape;
    if (shape.at(-1) === units.length) {
      coupling.resize('target_shape', units);
      return units;
    }
    coupling.freeze(units, 'UNFOLLOWED_LAYER', 'a Reshape that changes the last axis scatters the channels');
    const fresh = coupling.fresh(shape.at(-1) ?? 1);
    coupling.freeze(fresh, 'UNFOLLOWED_LAYER', 'a Reshape that changes the last axis scatters the channels');
    return fresh;
  },
};
