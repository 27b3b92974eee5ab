import type { Coupling, LayerClass, Options, Shape, Units } from './layer-class.ts';
import { requireMaskAxes } from './masking.ts';

/** The shape to which the inputs' shapes stretch: axes count from the last one, and an axis of 1 stretches. Throws an Error where they do not fit. */
export function stretched(inputs: readonly Shape[]): Shape {
  const rank = Math.max(...inputs.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const lengths = inputs.map((shape) => shape[axis - rank + shape.length]).filter((length) => length !== undefined && length !== 1);
    const [length = 1, ...others] = lengths;
    if (others.some((other) => other !== length)) {
      throw new Error(`inputs of shapes ${inputs.map((shape) => `[${shape.join(', ')}]`).join(' and ')}; equal shapes are needed`);
    }
    return length;
  });
}

/** The channel of the result is one unit with the channel of every input; an input of one channel for all keeps it. */
export function coupleMerged(coupling: Coupling): Units {
  const width = coupling.outputShape.at(-1) ?? 0;
  const alike: Units[] = [];
  for (const units of coupling.inputs) {
    if (units.length === width) alike.push(units);
    else coupling.freeze(units, 'BROADCAST', 'one channel stands for all channels of the other inputs');
  }
  const [first, ...rest] = alike;
  for (const units of rest) coupling.tie(first!, units);
  return first!;
}

/** Inputs of shapes that fit, element by element; `least` of them at least and `most` at most. */
export function merging(least = 2, most = Number.POSITIVE_INFINITY): LayerClass {
  return {
    outputShape: (_options, inputs) => {
      if (inputs.length < least || inputs.length > most) {
        throw new Error(`${inputs.length} inputs; ${most === least ? `${least} are` : `at least ${least} are`} needed`);
      }
      return stretched(inputs);
    },
    couple: (_options, coupling) => coupleMerged(coupling),
    takesList: true,
    readsMasks: true,
    checkMasks: (_options, inputs, masks) => {
      const rank = inputs[0]!.length;
      if (inputs.some((shape) => shape.length !== rank))
        throw new Error('inputs of several ranks have masks, which Keras then loses or not');
      requireMaskAxes(inputs, masks, rank - 1);
    },
    mask: mergedMask,
  };
}

/** A step counts where it does in any input, if all of them have masks. */
function mergedMask(_options: Options, _inputs: readonly Shape[], masks: readonly (Shape | null)[]): Shape | null {
  const given = masks.filter((mask) => mask !== null);
  return given.length < masks.length || given.length === 0 ? null : stretched(given);
}
