/** Operations that give a sample's numbers another shape. */
import type { LayerClass, Options, Shape } from '../layer-class.ts';
import { size } from '../layer-class.ts';
import { reshaped } from '../units.ts';
import { sampleAxes } from './axes.ts';
import { coupleLast } from './coupling.ts';

/** The shape of a sample after `reshape`, of which the batch's axis must be -1. Throws an Error where it does not hold as many numbers. */
export function reshapedTo(options: Options, input: Shape): number[] {
  const { newshape } = options;
  if (!Array.isArray(newshape) || (newshape[0] !== -1 && newshape[0] !== null)) {
    throw new Error(`newshape is ${JSON.stringify(newshape)}; a list that begins with -1, for the batch, is needed`);
  }
  if (input.includes(null)) throw new Error('every axis of the input must have a fixed size');
  const target = newshape.slice(1);
  if (!target.every((length) => Number.isInteger(length) && length >= 0) || size(target) !== size(input)) {
    throw new Error(`samples of shape [${input.join(', ')}] cannot become [${target.join(', ')}], one a sample`);
  }
  return target;
}

/** `expand_dims`: the places of the new axes in the result, from 0. */
export function expandedAxes(options: Options, input: Shape): number[] {
  const count = Array.isArray(options.axis) ? options.axis.length : 1;
  return sampleAxes(options.axis, input.length + 1 + count);
}

/** `squeeze`: the axes that go, which have length 1. */
export function squeezedAxes(options: Options, input: Shape): number[] {
  const axes = sampleAxes(options.axis, input.length + 1);
  for (const axis of axes)
    if (input[axis] !== 1) throw new Error(`axis ${axis + 1} has length ${input[axis]}; only axes of length 1 can go`);
  return axes;
}

/** Operations on shapes alone by Keras' names. */
export const RESHAPING = {
  'ops.ExpandDims': {
    callTensors: ['x'],
    keepsValues: () => true,
    outputShape: (options, [input]) => {
      const axes = expandedAxes(options, input!);
      const rest = [...input!];
      return Array.from({ length: input!.length + axes.length }, (_none, axis) => (axes.includes(axis) ? 1 : rest.shift()!));
    },
    couple: (options, coupling) => {
      const rank = coupling.outputShape.length;
      return coupleLast(coupling, !expandedAxes(options, coupling.inputShapes[0]!).includes(rank - 1), 'a new last axis');
    },
  },
  'ops.Reshape': {
    callTensors: ['x'],
    keepsValues: () => true,
    outputShape: (options, [input]) => reshapedTo(options, input!),
    couple: (_options, coupling) => {
      const units = coupling.inputs[0]!;
      const made = units.length === 0 ? null : reshaped(coupling, units, coupling.outputShape.at(-1) ?? 0);
      if (made === null) return coupleLast(coupling, false, 'a reshape that mixes channels and places');
      coupling.resize('newshape', made);
      return made;
    },
  },
  'ops.Squeeze': {
    callTensors: ['x'],
    keepsValues: () => true,
    outputShape: (options, [input]) => {
      const axes = squeezedAxes(options, input!);
      return input!.filter((_length, axis) => !axes.includes(axis));
    },
    couple: (options, coupling) => {
      const [shape] = coupling.inputShapes;
      return coupleLast(coupling, !squeezedAxes(options, shape!).includes(shape!.length - 1), 'a last axis that goes');
    },
  },
} as const satisfies Record<string, LayerClass>;
