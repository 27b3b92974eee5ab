import type { LayerClass, Options, Shape } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

/** The shape of a PReLU's slopes: the input's, with 1 along the axes that share them. Throws an Error where an axis is free or not there. */
function slopes(options: Options, shape: Shape): number[] {
  const shared = options.shared_axes ?? [];
  if (!Array.isArray(shared) || shared.some((axis: number) => !Number.isInteger(axis) || axis < 1 || axis > shape.length)) {
    throw new Error(`shared_axes is ${JSON.stringify(shared)}; axes from 1 to ${shape.length} are needed`);
  }
  return shape.map((length, axis) => {
    if (shared.includes(axis + 1)) return 1;
    if (length === null) throw new Error(`axis ${axis + 1} must have a fixed size or be among shared_axes`);
    return length;
  });
}

/** PReLU: x, below 0 alpha·x, with an alpha of its own wherever `shared_axes` does not share it. */
export const pReLU: LayerClass = {
  ...through,
  ...carriesMask,
  weights: (options, [input]) => [{ name: 'alpha', shape: slopes(options, input!), role: 'scale' }],
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    const shape = slopes(options, coupling.inputShapes[0]!);
    if (shape.at(-1) === units.length) coupling.bind('alpha', shape.length - 1, units);
    return units;
  },
  activation: () => 'prelu',
};
