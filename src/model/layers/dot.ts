import { coupleContraction } from './contracted.ts';
import type { LayerClass, Options, Shape } from './layer-class.ts';
import { size } from './layer-class.ts';

/** The axes of two samples, counted from 0, along which a Dot multiplies and adds. Throws an Error where they do not fit. */
export function dotAxes(options: Options, [a, b]: readonly Shape[]): [number, number] {
  const pair = Array.isArray(options.axes) ? options.axes : [options.axes, options.axes];
  const shapes = [a!, b!];
  const axes = pair.map((axis: unknown, index) => {
    const rank = shapes[index]!.length;
    const found = typeof axis === 'number' ? (axis < 0 ? rank + axis : axis - 1) : Number.NaN;
    if (!Number.isInteger(found) || found < 0 || found >= rank)
      throw new Error(`axes is ${JSON.stringify(options.axes)}; axes of the inputs are needed`);
    return found;
  });
  const [first, second] = axes as [number, number];
  if (a![first] !== b![second] || a![first] === null) {
    throw new Error(
      `inputs of shapes [${a!.join(', ')}] and [${b!.join(', ')}] cannot be multiplied along the axes ${JSON.stringify(options.axes)}`,
    );
  }
  return [first, second];
}

/** Dot: products of two inputs, summed along an axis of each; with `normalize` they have length 1 along it. */
export const dot: LayerClass = {
  takesList: true,
  outputShape: (options, inputs) => {
    if (inputs.length !== 2) throw new Error(`${inputs.length} inputs; 2 are needed`);
    if (inputs.some((shape) => shape.length > 2)) throw new Error('inputs of more than two axes');
    const axes = dotAxes(options, inputs);
    const rest = inputs.flatMap((shape, index) => shape.filter((_length, axis) => axis !== axes[index]));
    return rest.length === 0 ? [1] : rest;
  },
  macs: (options, inputs, output) => size(output) * (inputs[0]![dotAxes(options, inputs)[0]] as number),
  couple: (options, coupling) => {
    const axes = dotAxes(options, coupling.inputShapes);
    const operands = coupling.inputShapes.map((shape, index) =>
      shape.map((_length, axis) => (axis === axes[index] ? 'summed' : `${index} ${axis}`)),
    );
    const output = operands.flat().filter((label) => label !== 'summed');
    return coupleContraction(coupling, { operands, output }, coupling.inputs);
  },
};
