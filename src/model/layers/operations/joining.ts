/** Operations that put tensors together, take them apart or repeat them. */

import { operandsOf } from '../arithmetic.ts';
import { concatenate } from '../concatenate.ts';
import type { Coupling, LayerClass, Options, Shape, Units } from '../layer-class.ts';
import { isTensorOperand, type Operand } from '../operand.ts';
import { repeated, tieParts, tiled } from '../units.ts';
import { fixedLength, sampleAxes, sampleAxis } from './axes.ts';
import { uncut } from './coupling.ts';

/** Refuses a list of anything but tensors of the model. */
function refuseList(options: Options): ReturnType<NonNullable<LayerClass['refuse']>> {
  const [list] = operandsOf(options);
  const tensors: readonly Operand[] = Array.isArray(list) ? list : [];
  return tensors.length > 0 && tensors.every(isTensorOperand)
    ? null
    : { option: 'operands', received: list ?? null, accepted: 'a list of tensors of the model' };
}

/** The sections of `split` along its axis, as [start, length] each. Throws an Error where they do not fit. */
export function sections(options: Options, input: Shape): { axis: number; parts: [number, number][] } {
  const axis = sampleAxis(options.axis ?? 0, input.length + 1);
  const length = fixedLength(input, axis);
  const given = options.indices_or_sections;
  if (Array.isArray(given)) {
    const edges = [0, ...given.map((edge: number) => Math.min(length, edge < 0 ? length + edge : edge)), length];
    return { axis, parts: edges.slice(1).map((edge, index): [number, number] => [edges[index]!, Math.max(0, edge - edges[index]!)]) };
  }
  if (typeof given !== 'number' || !Number.isInteger(given) || given < 1 || length % given !== 0) {
    throw new Error(`indices_or_sections is ${JSON.stringify(given)}; it must divide the axis' length, ${length}, or list places of it`);
  }
  const part = length / given;
  return { axis, parts: Array.from({ length: given }, (_none, index): [number, number] => [index * part, part]) };
}

/** The axis, from 0, that `stack` makes. */
export function stackedAxis(options: Options, input: Shape): number {
  return sampleAxis(options.axis ?? 0, input.length + 2);
}

/** How often `tile` repeats each axis of a sample. */
export function tiles(options: Options, input: Shape): number[] {
  const given: unknown[] = Array.isArray(options.repeats) ? options.repeats : [options.repeats];
  const repeats = [...Array.from({ length: input.length + 1 - given.length }, () => 1), ...given];
  if (
    repeats.length !== input.length + 1 ||
    repeats[0] !== 1 ||
    !repeats.every((times) => typeof times === 'number' && Number.isInteger(times) && times > 0)
  ) {
    throw new Error(
      `repeats is ${JSON.stringify(options.repeats)}; whole numbers are needed, one for each axis, of which the batch's is 1`,
    );
  }
  return repeats.slice(1) as number[];
}

/** How often, and along which axis, `repeat` repeats each place. */
export function repeats(options: Options, input: Shape): { axis: number; times: number } {
  const times = options.repeats;
  if (typeof times !== 'number' || !Number.isInteger(times) || times < 1)
    throw new Error(`repeats is ${JSON.stringify(times)}; one whole number is needed`);
  return { axis: sampleAxis(options.axis, input.length + 1), times };
}

const along = (input: Shape, axis: number, length: (before: number | null) => number | null): Shape =>
  input.with(axis, length(input[axis]!));
const times =
  (factor: number) =>
  (length: number | null): number | null =>
    length === null ? null : length * factor;

function partShapes(options: Options, [input]: readonly Shape[]): Shape[] {
  const { axis, parts } = sections(options, input!);
  return parts.map(([, length]) => along(input!, axis, () => length));
}

function sliceShapes(options: Options, [input]: readonly Shape[]): Shape[] {
  const axis = sampleAxis(options.axis ?? 0, input!.length + 1);
  return Array.from({ length: fixedLength(input!, axis) }, () => input!.toSpliced(axis, 1));
}

/** Each part of the last axis has the units that stood there; of another axis all parts have the same. */
function coupleParts(options: Options, coupling: Coupling): Units[] {
  const [shape] = coupling.inputShapes;
  const { axis, parts } = sections(options, shape!);
  const units = coupling.inputs[0]!;
  if (axis < shape!.length - 1) return parts.map(() => units);
  const edges = options.indices_or_sections;
  if (Array.isArray(edges)) {
    // The edges move with what goes before them.
    edges.forEach((_edge, index) => {
      const [start] = parts[index + 1]!;
      coupling.resize(['indices_or_sections', index], units.slice(0, start));
    });
  } else tieParts(coupling, units, parts.length);
  return parts.map(([start, length]) => units.slice(start, start + length));
}

/** Operations that join, part and repeat, by Keras' names. */
export const JOINING = {
  'ops.Concatenate': {
    callTensors: ['xs'],
    refuse: refuseList,
    outputShape: (options, inputs) => {
      sampleAxis(options.axis ?? 0, inputs[0]!.length + 1);
      return concatenate.outputShape({ axis: options.axis ?? 0 }, inputs);
    },
    couple: (options, coupling) => concatenate.couple({ axis: options.axis ?? 0 }, coupling),
  },
  'ops.Flip': {
    callTensors: ['x'],
    outputShape: (options, [input]) => {
      sampleAxes(options.axis, input!.length + 1);
      return input!;
    },
    couple: (options, coupling) => {
      const rank = coupling.outputShape.length;
      return sampleAxes(options.axis, rank + 1).includes(rank - 1) ? coupling.inputs[0]!.toReversed() : coupling.inputs[0]!;
    },
  },
  'ops.Repeat': {
    callTensors: ['x'],
    outputShape: (options, [input]) => {
      const { axis, times: factor } = repeats(options, input!);
      return along(input!, axis, times(factor));
    },
    couple: (options, coupling) => {
      const [shape] = coupling.inputShapes;
      const { axis, times: factor } = repeats(options, shape!);
      return axis < shape!.length - 1 ? coupling.inputs[0]! : repeated(coupling.inputs[0]!, factor);
    },
  },
  'ops.Split': {
    callTensors: ['x'],
    outputShape: (options, inputs) => partShapes(options, inputs)[0]!,
    outputShapes: partShapes,
    couple: coupleParts,
  },
  'ops.Stack': {
    callTensors: ['x'],
    refuse: refuseList,
    outputShape: (options, inputs) => {
      const [first] = inputs;
      if (new Set(inputs.map((shape) => shape.join())).size > 1) throw new Error('tensors of several shapes cannot be stacked');
      return first!.toSpliced(stackedAxis(options, first!), 0, inputs.length);
    },
    ...uncut('a stack of tensors'),
  },
  'ops.Tile': {
    callTensors: ['x'],
    outputShape: (options, [input]) => tiles(options, input!).map((factor, axis) => times(factor)(input![axis]!)),
    couple: (options, coupling) => tiled(coupling.inputs[0]!, tiles(options, coupling.inputShapes[0]!).at(-1) ?? 1),
  },
  'ops.Unstack': {
    callTensors: ['x'],
    outputShape: (options, inputs) => sliceShapes(options, inputs)[0]!,
    outputShapes: sliceShapes,
    ...uncut('an unstacking'),
  },
} as const satisfies Record<string, LayerClass>;
