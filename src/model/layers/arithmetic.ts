import type { LayerClass, Options } from './layer-class.ts';
import { coupleMerged, stretched } from './merging.ts';

/** The operands of an arithmetic operation in their order: a number, or null for its next input. */
export function operandsOf(options: Options): readonly (number | null)[] {
  return options.operands as readonly (number | null)[];
}

/** What `x + y`, `x * 2` and their like become in a Functional model: tensors and numbers, element by element. */
export function arithmetic(accepts: (operands: readonly (number | null)[]) => string | null = () => null): LayerClass {
  return {
    refuse: (options) => {
      const operands = operandsOf(options);
      const plain = operands.length === 2 && operands.every((operand) => operand === null || typeof operand === 'number');
      const accepted = plain ? accepts(operands) : 'two tensors, or a tensor and a number';
      return accepted === null ? null : { option: 'operands', received: operands, accepted };
    },
    outputShape: (_options, inputs) => {
      // The batch's axis stands in the way of stretching to another rank.
      if (new Set(inputs.map((shape) => shape.length)).size > 1) {
        throw new Error(`inputs of shapes ${inputs.map((shape) => `[${shape.join(', ')}]`).join(' and ')}; equally many axes are needed`);
      }
      return stretched(inputs);
    },
    couple: (_options, coupling) => coupleMerged(coupling),
  };
}
