import type { LayerClass, Options } from './layer-class.ts';
import { requireMaskAxes } from './masking.ts';

/** The axis of a sample, from 0, along which inputs of `rank` axes are joined. Throws an Error where there is none. */
export function joinedAxis(options: Options, rank: number): number {
  const axis = (options.axis ?? -1) as number;
  const found = axis < 0 ? rank + axis : axis - 1;
  if (!Number.isInteger(axis) || found < 0 || found >= rank) throw new Error(`axis is ${axis}; it must be from 1 to ${rank}, or negative`);
  return found;
}

/** Concatenate: along the last axis the units stand one input after the other; along another they are the same ones in every input. */
export const concatenate: LayerClass = {
  outputShape: (options, inputs) => {
    const first = inputs[0]!;
    const axis = joinedAxis(options, first.length);
    const alike = inputs.every(
      (shape) => shape.length === first.length && shape.every((dimension, at) => at === axis || dimension === first[at]),
    );
    if (!alike || inputs.some((shape) => shape[axis] === null)) {
      throw new Error(`inputs of shapes ${inputs.map((input) => `[${input.join(', ')}]`).join(' and ')} cannot be concatenated`);
    }
    return first.with(
      axis,
      inputs.reduce((total, shape) => total + (shape[axis] as number), 0),
    );
  },
  takesList: true,
  readsMasks: true,
  checkMasks: (_options, inputs, masks) => requireMaskAxes(inputs, masks, inputs[0]!.length - 1),
  // A step counts where it does in any input; one without a mask counts everywhere.
  mask: (options, inputs, masks) => (masks.every((mask) => mask === null) ? null : concatenate.outputShape(options, inputs).slice(0, -1)),
  couple: (options, coupling) => {
    const [first, ...rest] = coupling.inputs;
    const rank = coupling.outputShape.length;
    if (joinedAxis(options, rank) !== rank - 1) {
      for (const units of rest) coupling.tie(first!, units);
      return first!;
    }
    const joined = new Int32Array(coupling.inputs.reduce((total, units) => total + units.length, 0));
    let offset = 0;
    for (const units of coupling.inputs) {
      joined.set(units, offset);
      offset += units.length;
    }
    return joined;
  },
};
