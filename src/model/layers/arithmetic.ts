import type { Coupling, LayerClass, Options, Shape, Units } from './layer-class.ts';
import { coupleMerged, stretched } from './merging.ts';
import { type Constant, isConstant, isTensorOperand, type Operand } from './operand.ts';

/** The operands of an operation in the order of its parameters. */
export function operandsOf(options: Options): readonly Operand[] {
  return options.operands as readonly Operand[];
}

const PLAIN = 'tensors of the model, numbers and arrays';

/** Refuses operands that are no tensors, numbers or arrays, and more or fewer of them than `count`. */
export function refuseOperands(options: Options, count: number): ReturnType<NonNullable<LayerClass['refuse']>> {
  const operands = operandsOf(options);
  const plain = operands.every(
    (operand) => typeof operand === 'number' || typeof operand === 'boolean' || isTensorOperand(operand) || isConstant(operand),
  );
  if (plain && operands.length === count && operands.some(isTensorOperand)) return null;
  return { option: 'operands', received: operands, accepted: `${count} of ${PLAIN}` };
}

/** The shapes of tensors and arrays for one sample. Throws an Error where an array would stand along the batch. */
export function operandShapes(options: Options, inputs: readonly Shape[]): Shape[] {
  const rank = Math.max(...inputs.map((shape) => shape.length));
  // The batch's axis stands in the way of stretching to another rank.
  if (new Set(inputs.map((shape) => shape.length)).size > 1) {
    throw new Error(`inputs of shapes ${inputs.map((shape) => `[${shape.join(', ')}]`).join(' and ')}; equally many axes are needed`);
  }
  return operandsOf(options).flatMap((operand) => {
    if (isTensorOperand(operand)) return [inputs[operand.tensor]!];
    return isConstant(operand) ? [sampleShape(operand.constant, rank)] : [];
  });
}

/** The shape of an array beside samples of `rank` axes. */
function sampleShape({ shape }: Constant, rank: number): Shape {
  if (shape.length <= rank) return shape;
  if (shape.length > rank + 1 || shape[0] !== 1) {
    throw new Error(`an array of shape [${shape.join(', ')}] stretches over the batch; one of at most ${rank} axes is needed`);
  }
  return shape.slice(1);
}

/** What `x + y`, `x * 2` and their like become in a Functional model: tensors, numbers and arrays, element by element. */
export function arithmetic(
  parameters: readonly string[] = ['x1', 'x2'],
  couple: (options: Options, coupling: Coupling) => Units = coupleElements,
): LayerClass {
  return {
    callTensors: parameters,
    refuse: (options) => refuseOperands(options, parameters.length),
    outputShape: (options, inputs) => stretched(operandShapes(options, inputs)),
    couple,
  };
}

/** The channel of the result is one unit with the channel of every tensor; an array that lists numbers for channels fixes their number. */
export function coupleElements(options: Options, coupling: Coupling): Units {
  const listed = operandsOf(options).some((operand) => isConstant(operand) && (operand.constant.shape.at(-1) ?? 1) > 1);
  const narrow = coupling.inputs.every((units) => units.length !== (coupling.outputShape.at(-1) ?? 0));
  if (!narrow) {
    const units = coupleMerged(coupling);
    if (listed) coupling.freeze(units, 'UNFOLLOWED_LAYER', 'an array of the config lists a number for every channel');
    return units;
  }
  return coupleUnfollowed(coupling, 'an array of the config stretches them');
}

/** Units that cannot be followed: neither the inputs' nor the output's may go. */
export function coupleUnfollowed(coupling: Coupling, detail: string): Units {
  for (const units of coupling.inputs) coupling.freeze(units, 'UNFOLLOWED_LAYER', detail);
  const fresh = coupling.fresh(coupling.outputShape.at(-1) ?? 0);
  coupling.freeze(fresh, 'UNFOLLOWED_LAYER', detail);
  return fresh;
}
