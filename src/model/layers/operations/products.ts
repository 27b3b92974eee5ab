/** Products of tensors that sum over axes. */
import { operandsOf } from '../arithmetic.ts';
import { coupleContraction } from '../contracted.ts';
import type { Coupling, LayerClass, Options, Shape, Units } from '../layer-class.ts';
import { size } from '../layer-class.ts';
import { isConstant, isTensorOperand } from '../operand.ts';

/** The shapes of two operands, with null as the batch's axis of a tensor. */
function wholeShapes(options: Options, inputs: readonly Shape[]): Shape[] {
  return operandsOf(options).map((operand) => {
    if (isTensorOperand(operand)) return [null, ...inputs[operand.tensor]!];
    if (isConstant(operand)) return operand.constant.shape;
    throw new Error('a number stands where a tensor or an array is needed');
  });
}

/** The axes of two operands by labels, and those of the result; the batch's is a label of both tensors and of the result. */
export interface Equation {
  operands: [string[], string[]];
  output: string[];
}

/** `einsum` of two operands. Throws an Error where labels repeat in an operand, or the batch is summed over. */
export function einsumOf(options: Options, inputs: readonly Shape[]): Equation & { sizes: Map<string, number | null> } {
  const text = String(options.subscripts).replace(/\s/g, '');
  const [left, output] = text.split('->');
  const operands = (left ?? '').split(',');
  if (output === undefined || operands.length !== 2 || !/^[A-Za-z,]+->[A-Za-z]*$/.test(text)) {
    throw new Error(`subscripts is ${JSON.stringify(options.subscripts)}; two operands and a result, such as "abc,acd->abd", are needed`);
  }
  const shapes = wholeShapes(options, inputs);
  const sizes = new Map<string, number | null>();
  operands.forEach((labels, index) => {
    const shape = shapes[index];
    if (shape?.length !== labels.length || new Set(labels).size < labels.length)
      throw new Error(`${labels} does not fit a tensor of ${shape?.length} axes`);
    [...labels].forEach((label, axis) => {
      const length = sizes.get(label);
      if (length !== undefined && length !== null && shape[axis] !== null && length !== shape[axis])
        throw new Error(`axes ${label} have lengths ${length} and ${shape[axis]}`);
      sizes.set(label, shape[axis] ?? length ?? null);
    });
  });
  const batches = new Set(operands.flatMap((labels, index) => (isTensorOperand(operandsOf(options)[index]) ? [labels[0]] : [])));
  const batch = output[0];
  if (batches.size !== 1 || !batches.has(batch) || [...output].some((label) => !sizes.has(label))) {
    throw new Error(
      `subscripts is ${JSON.stringify(options.subscripts)}; the first axis of every tensor and of the result must be the batch's`,
    );
  }
  return { operands: [[...operands[0]!], [...operands[1]!]], output: [...output], sizes };
}

/** `matmul` as such an equation: matrices along the last two axes, every axis before them alike; an array is one matrix or vector. */
export function matmulOf(options: Options, inputs: readonly Shape[]): Equation {
  const shapes = wholeShapes(options, inputs);
  const [a, b] = shapes as [Shape, Shape];
  const given = operandsOf(options);
  const fixed = given.map(isConstant);
  const shown = `[${a.join(', ')}] and [${b.join(', ')}]`;
  const labels = (shape: Shape): string[] => shape.slice(0, -2).map((_length, axis) => `batch ${axis}`);
  if (fixed[1] && b.length <= 2) {
    if (a.at(-1) !== b[0]) throw new Error(`shapes ${shown} cannot be multiplied`);
    const rows = a.slice(0, -1).map((_length, axis) => `row ${axis}`);
    const columns = b.length === 2 ? ['column'] : [];
    return {
      operands: [
        [...rows, 'inner'],
        ['inner', ...columns],
      ],
      output: [...rows, ...columns],
    };
  }
  const alike = a.length === b.length && a.length > 2 && a.slice(0, -2).every((length, axis) => length === b[axis]);
  if (fixed[0] || fixed[1] || !alike || a.at(-1) !== b.at(-2)) {
    throw new Error(`shapes ${shown} cannot be multiplied: matrices of each sample, or samples and a matrix of the config, are needed`);
  }
  return {
    operands: [
      [...labels(a), 'row', 'inner'],
      [...labels(b), 'inner', 'column'],
    ],
    output: [...labels(a), 'row', 'column'],
  };
}

const refuse: LayerClass['refuse'] = (options) => {
  const operands = operandsOf(options);
  const fits = operands.length === 2 && operands.every((operand) => isTensorOperand(operand) || isConstant(operand));
  return fits ? null : { option: 'operands', received: operands, accepted: 'two tensors, or a tensor and an array' };
};

function sizesOf({ operands }: Equation, shapes: readonly Shape[]): Map<string, number | null> {
  return new Map(operands.flatMap((labels, index) => labels.map((label, axis): [string, number | null] => [label, shapes[index]![axis]!])));
}

/** The operands are tensors of the model, whose places say which of the inputs they are, or arrays, which fix the number of what they meet. */
function coupleEquation(options: Options, coupling: Coupling, { operands, output }: Equation): Units {
  const given = operandsOf(options);
  const own = (list: readonly string[][]) => list.map((labels, index) => (isTensorOperand(given[index]) ? labels.slice(1) : null));
  const inputs = given.map((operand) => (isTensorOperand(operand) ? coupling.inputs[operand.tensor]! : new Int32Array()));
  return coupleContraction(coupling, { operands: own(operands), output: output.slice(1) }, inputs);
}

const matmul: LayerClass = {
  callTensors: ['x1', 'x2'],
  refuse,
  outputShape: (options, inputs) => {
    const equation = matmulOf(options, inputs);
    const sizes = sizesOf(equation, wholeShapes(options, inputs));
    return equation.output.slice(1).map((label) => sizes.get(label)!);
  },
  macs: (options, inputs, output) => size(output) * (wholeShapes(options, inputs)[0]!.at(-1) ?? 1),
  couple: (options, coupling) => coupleEquation(options, coupling, matmulOf(options, coupling.inputShapes)),
};

/** Products by Keras' names. */
export const PRODUCTS = {
  'ops.Dot': {
    ...matmul,
    refuse: (options) =>
      isConstant(operandsOf(options)[1])
        ? null
        : { option: 'operands', received: operandsOf(options), accepted: 'a tensor and an array; matmul multiplies tensors' },
  },
  'ops.Einsum': {
    callTensors: ['x1', 'x2'],
    refuse,
    outputShape: (options, inputs) => {
      const { output, sizes } = einsumOf(options, inputs);
      return output.slice(1).map((label) => sizes.get(label)!);
    },
    macs: (options, inputs) => {
      const { sizes } = einsumOf(options, inputs);
      return size([...sizes.values()]);
    },
    couple: (options, coupling) => coupleEquation(options, coupling, einsumOf(options, coupling.inputShapes)),
  },
  'ops.Matmul': matmul,
} as const satisfies Record<string, LayerClass>;
