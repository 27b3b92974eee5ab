import type { LayerClass } from './layer-class.ts';

/** Concatenate along the last axis: the units stand one input after the other. */
export const concatenate: LayerClass = {
  outputShape: (options, inputs) => {
    const first = inputs[0]!;
    const axis = (options.axis ?? -1) as number;
    if (axis !== -1 && axis !== first.length) throw new Error(`axis is ${axis}; it must be the last axis (-1 or ${first.length})`);
    const alike = inputs.every(
      (shape) => shape.length === first.length && shape.slice(0, -1).every((dimension, at) => dimension === first[at]),
    );
    if (!alike || inputs.some((shape) => shape.at(-1) === null)) {
      throw new Error(`inputs of shapes ${inputs.map((input) => `[${input.join(', ')}]`).join(' and ')} cannot be concatenated`);
    }
    return [...first.slice(0, -1), inputs.reduce((total, shape) => total + (shape.at(-1) as number), 0)];
  },
  couple: (_options, coupling) => {
    const joined = new Int32Array(coupling.inputs.reduce((total, units) => total + units.length, 0));
    let offset = 0;
    for (const units of coupling.inputs) {
      joined.set(units, offset);
      offset += units.length;
    }
    return joined;
  },
};
