/** Operations that take places of a tensor, or add some. */
import { operandsOf } from '../arithmetic.ts';
import type { LayerClass, Options, Shape } from '../layer-class.ts';
import { isConstant, type Operand } from '../operand.ts';
import { fixedLength, sampleAxis } from './axes.ts';
import { coupleLast, uncut } from './coupling.ts';

/** What an index takes of one axis of a sample: places, of which a single one takes the axis away; or a new axis of length 1. */
export type Taken = { places: number[] | 'all'; drops: boolean } | 'new axis';

/** What `x[key]` takes of each axis of a sample. Throws an Error where it takes samples apart, or places that are not there. */
export function takenPlaces(options: Options, input: Shape): Taken[] {
  const key = operandsOf(options)[1];
  const items: readonly Operand[] = Array.isArray(key) ? key : [key ?? null];
  const isEllipsis = (item: Operand): boolean => typeof item === 'object' && item !== null && 'ellipsis' in item;
  const axes = items.filter((item) => item !== null && !isEllipsis(item)).length;
  const all: Operand = { range: [null, null, null] };
  const missing = Array.from({ length: Math.max(0, input.length + 1 - axes) }, () => all);
  const ellipsis = items.findIndex(isEllipsis);
  const full = ellipsis < 0 ? [...items, ...missing] : [...items.slice(0, ellipsis), ...missing, ...items.slice(ellipsis + 1)];
  const [batch, ...rest] = full;
  if (batch === undefined || batch === null || typeof batch === 'number' || !isAll(batch)) {
    throw new Error('the first index takes samples of the batch apart; it must be : or ...');
  }
  let axis = -1;
  return rest.map((item): Taken => {
    if (item === null) return 'new axis';
    axis++;
    if (isAll(item)) return { places: 'all', drops: false };
    const length = fixedLength(input, axis);
    if (typeof item === 'number') {
      const place = item < 0 ? length + item : item;
      if (!Number.isInteger(place) || place < 0 || place >= length) throw new Error(`index ${item} is beyond an axis of ${length}`);
      return { places: [place], drops: true };
    }
    if (typeof item === 'object' && 'range' in item) return { places: slicePlaces(item.range, length), drops: false };
    throw new Error('an index is a tensor or an array; numbers, slices, None and ... are run');
  });
}

const isAll = (item: Operand): boolean =>
  typeof item === 'object' &&
  item !== null &&
  'range' in item &&
  (item.range[0] ?? 0) === 0 &&
  item.range[1] === null &&
  (item.range[2] ?? 1) === 1;

/** The places of a Python slice of an axis. */
function slicePlaces([start, stop, step]: readonly (number | null)[], length: number): number[] {
  const by = step ?? 1;
  if (by === 0) throw new Error('a slice has a step of 0');
  const bound = (value: number | null | undefined, otherwise: number): number =>
    value === null || value === undefined
      ? otherwise
      : Math.min(Math.max(value < 0 ? length + value : value, by < 0 ? -1 : 0), by < 0 ? length - 1 : length);
  const [from, to] = by > 0 ? [bound(start, 0), bound(stop, length)] : [bound(start, length - 1), bound(stop, -1)];
  const places: number[] = [];
  for (let place = from; by > 0 ? place < to : place > to; place += by) places.push(place);
  if (places.length === 0) throw new Error(`a slice takes nothing of an axis of ${length}`);
  return places;
}

/** The axis of `take` and the places it takes, in a shape of their own. Throws an Error where they are no whole numbers of the config. */
export function takes(options: Options, input: Shape): { axis: number; places: number[]; shape: readonly number[] } {
  const indices = operandsOf(options)[1];
  const axis = sampleAxis(options.axis, input.length + 1);
  const length = fixedLength(input, axis);
  const { values, shape } = isConstant(indices)
    ? indices.constant
    : { values: [indices].flat(), shape: Array.isArray(indices) ? [indices.length] : [] };
  const places = values.map((value) => (typeof value === 'number' && value < 0 ? length + value : value));
  if (!places.every((place): place is number => typeof place === 'number' && Number.isInteger(place) && place >= 0 && place < length)) {
    throw new Error(`indices must be whole numbers of the config, from 0 to ${length - 1}`);
  }
  return { axis, places, shape };
}

/** The numbers that `pad` adds before and behind each axis of a sample. Throws an Error where it pads the batch. */
export function padding(options: Options, input: Shape): [number, number][] {
  const given = options.pad_width;
  const valid =
    Array.isArray(given) &&
    given.length === input.length + 1 &&
    given.every((sides) => Array.isArray(sides) && sides.length === 2 && sides.every((side) => Number.isInteger(side) && side >= 0)) &&
    given[0][0] === 0 &&
    given[0][1] === 0;
  if (!valid) throw new Error(`pad_width is ${JSON.stringify(given)}; [before, after] is needed for each axis, and [0, 0] for the batch's`);
  return given.slice(1);
}

/** Operations that take or add places, by Keras' names. */
export const INDEXING = {
  'ops.GetItem': {
    callTensors: ['x', 'key'],
    outputShape: (options, [input]) => {
      let axis = -1;
      return takenPlaces(options, input!).flatMap((taken) => {
        if (taken === 'new axis') return [1];
        axis++;
        if (taken.drops) return [];
        return [taken.places === 'all' ? input![axis]! : taken.places.length];
      });
    },
    couple: (options, coupling) => {
      const last = takenPlaces(options, coupling.inputShapes[0]!).at(-1);
      return coupleLast(coupling, last !== undefined && last !== 'new axis' && last.places === 'all', 'an index into the channels');
    },
  },
  'ops.OneHot': {
    callTensors: ['x'],
    refuse: (options) => {
      if ((options.axis ?? -1) !== -1) return { option: 'axis', received: options.axis, accepted: '-1' };
      const count = options.num_classes;
      if (typeof count !== 'number' || !Number.isInteger(count) || count < 1)
        return { option: 'num_classes', received: count, accepted: 'a whole number' };
      return options.sparse === true ? { option: 'sparse', received: true, accepted: 'false' } : null;
    },
    outputShape: (options, [input]) => [...input!, options.num_classes as number],
    ...uncut('a one-hot coding'),
  },
  'ops.Pad': {
    callTensors: ['x', 'constant_values'],
    refuse: (options) => {
      const value = operandsOf(options)[1] ?? 0;
      if (typeof value !== 'number') return { option: 'constant_values', received: value, accepted: 'a number' };
      return ['constant', 'reflect', 'symmetric'].includes(String(options.mode ?? 'constant'))
        ? null
        : { option: 'mode', received: options.mode, accepted: 'constant, reflect, symmetric' };
    },
    outputShape: (options, [input]) =>
      padding(options, input!).map(([before, after], axis) => (input![axis] === null ? null : input![axis]! + before + after)),
    ...uncut('a padding'),
  },
  'ops.Take': {
    callTensors: ['x', 'indices'],
    outputShape: (options, [input]) => {
      const { axis, shape } = takes(options, input!);
      return input!.toSpliced(axis, 1, ...shape);
    },
    couple: (options, coupling) => {
      const [shape] = coupling.inputShapes;
      return coupleLast(coupling, takes(options, shape!).axis < shape!.length - 1, 'a choice of channels');
    },
  },
  'ops.TopK': {
    callTensors: ['x'],
    outputShape: (options, [input]) => {
      const k = options.k;
      if (typeof k !== 'number' || k < 1 || k > fixedLength(input!, input!.length - 1))
        throw new Error(`k is ${JSON.stringify(k)}; at most the last axis' length is needed`);
      return input!.with(-1, k);
    },
    outputShapes: (options: Options, inputs: readonly Shape[]): Shape[] => {
      const shape: Shape = INDEXING['ops.TopK'].outputShape(options, inputs);
      return [shape, shape];
    },
    ...uncut('a choice of the largest'),
  },
} as const satisfies Record<string, LayerClass>;
