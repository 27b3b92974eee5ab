import type { LayerClass } from './layer-class.ts';

/** Add of equal shapes: the sum's channel is one unit with the channel of every summand (a residual sum). */
export const add: LayerClass = {
  outputShape: (_options, inputs) => {
    const [first, ...rest] = inputs;
    if (!first || rest.length === 0) throw new Error(`${inputs.length} inputs; at least 2 are needed`);
    for (const shape of rest) {
      if (shape.length !== first.length || shape.some((dimension, axis) => dimension !== first[axis])) {
        throw new Error(`inputs of shapes ${inputs.map((input) => `[${input.join(', ')}]`).join(' and ')}; equal shapes are needed`);
      }
    }
    return first;
  },
  couple: (_options, coupling) => {
    const [first, ...rest] = coupling.inputs;
    for (const units of rest) coupling.tie(first!, units);
    return first!;
  },
};
