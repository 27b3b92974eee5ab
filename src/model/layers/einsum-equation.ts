import type { Options, Shape } from './layer-class.ts';

/** An EinsumDense equation for a given rank: a label for each axis, the batch's first. */
export interface EinsumEquation {
  input: string[];
  kernel: string[];
  output: string[];
}

/**
 * The equation of an EinsumDense for an input of `rank` axes, batch included, with labels in place of the ellipsis.
 * Throws an Error where Keras has no such equation.
 */
export function einsumEquation(options: Options, rank: number): EinsumEquation {
  const text = String(options.equation);
  const left = /^\.\.\.([a-zA-Z]+),([a-zA-Z]+)->\.\.\.([a-zA-Z]+)$/.exec(text);
  const right = /^([a-zA-Z]{2,})\.\.\.,([a-zA-Z]+)->([a-zA-Z]+)\.\.\.$/.exec(text);
  const plain = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/.exec(text);
  const match = left ?? right ?? plain;
  if (!match)
    throw new Error(`equation is ${JSON.stringify(options.equation)}; it must be like ab,bc->ac, ...b,bc->...c or ab...,bc->ac...`);
  const [input, kernel, output] = match.slice(1).map((labels) => [...labels]) as [string[], string[], string[]];
  const elided = Array.from({ length: rank - input.length }, (_none, index) => `.${index}`);
  if (plain ? rank !== input.length : rank < input.length) throw new Error(`equation ${text} does not fit an input of ${rank} axes`);
  if ([input, kernel, output].some((labels) => new Set(labels).size !== labels.length)) {
    throw new Error(`equation ${text} repeats an axis; each may stand once`);
  }
  const stray = [
    ...kernel.filter((label) => !input.includes(label) && !output.includes(label)),
    ...output.filter((label) => !input.includes(label) && !kernel.includes(label)),
  ];
  if (stray.length > 0) throw new Error(`equation ${text} has an axis ${stray[0]} that is nowhere else`);
  const around = (labels: string[]): string[] => (left ? [...elided, ...labels] : [...labels, ...elided]);
  const equation = { input: around(input), kernel, output: around(output) };
  if (equation.input[0] !== equation.output[0] || kernel.includes(equation.input[0]!)) {
    throw new Error(`equation ${text} must keep the batch, the first axis`);
  }
  return equation;
}

/** The size of every label, by the input's shape for one sample and the output shape that the config gives. Free axes are null. */
export function einsumSizes(options: Options, equation: EinsumEquation, input: Shape): Map<string, number | null> {
  const sizes = new Map<string, number | null>(equation.input.map((label, axis) => [label, axis === 0 ? null : input[axis - 1]!]));
  const given = (Array.isArray(options.output_shape) ? options.output_shape : [options.output_shape]) as (number | null)[];
  // The config gives neither the batch axis nor what stands for the ellipsis.
  const named = equation.output.filter((label, axis) => axis > 0 && !label.startsWith('.'));
  if (named.length !== given.length) {
    throw new Error(`output_shape is ${JSON.stringify(options.output_shape)}; ${named.length} axes are needed`);
  }
  named.forEach((label, index) => {
    const size = given[index]!;
    if (size !== null && !(Number.isInteger(size) && size >= 1)) throw new Error(`output_shape is ${JSON.stringify(options.output_shape)}`);
    const known = sizes.get(label);
    if (known === undefined) sizes.set(label, size);
    else if (size !== null && known !== null && size !== known)
      throw new Error(`axis ${label} is ${known} in the input and ${size} in output_shape`);
  });
  return sizes;
}
