/** Layers on shapes alone, and those that take, add or repeat places. */
import { centre } from '../../layers/center-crop.ts';
import { joinedAxis } from '../../layers/concatenate.ts';
import { integer } from '../../layers/options.ts';
import { permutation } from '../../layers/permute.ts';
import { sidesOf } from '../../layers/sides.ts';
import { upSamplingFactors } from '../../layers/up-sampling.ts';
import type { ProgramBuilder } from '../builder.ts';
import { flags } from '../builder.ts';
import type { Lowering } from '../lowering.ts';
import type { Dimension, Value } from '../program.ts';
import { sampleShape } from './sample.ts';

const count = (b: ProgramBuilder, shape: readonly Dimension[]): Dimension =>
  shape.every((length) => typeof length === 'number') ? shape.reduce((product, length) => product * length, 1) : b.length();

export const flatten: Lowering = (b, { inputs: [x] }) => b.reshape(x!, [x!.shape[0]!, count(b, x!.shape.slice(1))]);

export const reshape: Lowering = (b, { options, inputs: [x] }) => {
  const target = options.target_shape as number[];
  const rest = count(b, x!.shape.slice(1));
  const given = target.filter((length) => length !== -1).reduce((product, length) => product * length, 1);
  return b.reshape(x!, [
    x!.shape[0]!,
    ...target.map((length) => (length !== -1 ? length : typeof rest === 'number' ? rest / given : b.length())),
  ]);
};

export const permute: Lowering = (b, { options, inputs: [x] }) => b.transpose(x!, [0, ...permutation(options, x!.shape.length - 1)]);

export const repeatVector: Lowering = (b, { options, inputs: [x] }) => b.tile(b.expandDims(x!, 1), [1, integer(options, 'n'), 1]);

export const concatenate: Lowering = (b, { options, inputs, masks }) => {
  const axis = joinedAxis(options, inputs[0]!.shape.length - 1) + 1;
  const joined = b.concat(inputs, axis);
  if (masks.every((mask) => mask === null)) return joined;
  const places = inputs.map((input, index) => masks[index] ?? b.expand(flags([true], []), input.shape.slice(0, -1)));
  const last = axis === joined.shape.length - 1;
  return [joined, last ? places.reduce((any, mask) => b.binary('logical_or', any, mask)) : b.concat(places, axis)];
};

export const centerCrop: Lowering = (b, { options, inputs: [x] }) => {
  const { begin, length } = centre(options, sampleShape(x!));
  return b.slice(x!, [0, ...begin, 0], [null, ...begin.map((from, axis) => from + length[axis]!), null]);
};

/** Zeros at the ends of spatial axes. */
export const zeroPadding: Lowering = (b, { options, inputs: [x] }) =>
  b.pad(x!, [[0, 0], ...sidesOf(options, 'padding', x!.shape.length - 2), [0, 0]]);

/** Cuts off the ends of spatial axes. */
export const cropping: Lowering = (b, { options, inputs: [x] }) => {
  const sides = [[0, 0], ...sidesOf(options, 'cropping', x!.shape.length - 2), [0, 0]] as [number, number][];
  return b.slice(
    x!,
    sides.map(([before]) => before),
    sides.map(([, after]) => (after === 0 ? null : -after)),
  );
};

export const resizing: Lowering = (b, { options, inputs: [x] }) =>
  b.resize(options.interpolation === 'nearest' ? 'nearest' : 'bilinear', x!, [integer(options, 'height'), integer(options, 'width')]);

/** Upsampling by whole factors, over any number of spatial axes. */
export const upSampling: Lowering = (b, { options, inputs: [x] }) => {
  const rank = x!.shape.length - 2;
  const factors = upSamplingFactors(options, rank);
  if (rank === 2) {
    const by = options.interpolation === 'bilinear' ? 'bilinear' : 'nearest';
    return b.resize(by, x!, { factors: factors as [number, number] });
  }
  return factors.reduce((from, factor, axis) => repeated(b, from, factor, axis + 1), x!);
};

/** Each place of an axis several times in a row. */
export function repeated(b: ProgramBuilder, x: Value, times: number, axis: number): Value {
  if (times === 1) return x;
  const apart = b.expandDims(x, axis + 1);
  const copies = b.tile(
    apart,
    apart.shape.map((_length, at) => (at === axis + 1 ? times : 1)),
  );
  const length = x.shape[axis]!;
  return b.reshape(copies, x.shape.with(axis, typeof length === 'number' ? length * times : b.length()));
}
