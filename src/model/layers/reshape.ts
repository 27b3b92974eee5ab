import { coupleUnfollowed } from './arithmetic.ts';
import type { LayerClass } from './layer-class.ts';
import { size } from './layer-class.ts';
import { reshaped } from './units.ts';

/** Reshape: the channels that stand in one channel of the result are one unit; where channels and places get mixed they are frozen. */
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
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    const made = units.length === 0 ? null : reshaped(coupling, units, coupling.outputShape.at(-1) ?? 0);
    if (made === null) return coupleUnfollowed(coupling, 'a Reshape that mixes channels and places');
    if ((options.target_shape as unknown[]).at(-1) !== -1) coupling.resize('target_shape', made);
    return made;
  },
};
