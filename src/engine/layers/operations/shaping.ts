/** Operations on shapes alone: permutations, reshapes, and places taken, added or repeated. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { operandsOf } from '../../../model/layers/arithmetic.ts';
import { joinedAxis } from '../../../model/layers/concatenate.ts';
import type { Options } from '../../../model/layers/layer-class.ts';
import { sampleAxes, sampleAxis } from '../../../model/layers/operations/axes.ts';
import { type INDEXING, padding, takenPlaces, takes } from '../../../model/layers/operations/indexing.ts';
import { type JOINING, repeats, sections, stackedAxis, tiles } from '../../../model/layers/operations/joining.ts';
import { moved, type PERMUTATIONS, swapped, transposed } from '../../../model/layers/operations/permutation.ts';
import { expandedAxes, type RESHAPING, reshapedTo, squeezedAxes } from '../../../model/layers/operations/reshaping.ts';
import { gatherPlaces } from '../../ops/gather-places.ts';
import { largest } from '../../ops/largest.ts';
import { mirrorPad } from '../../ops/mirror-pad.ts';
import { unstack } from '../../ops/parts.ts';
import { tf } from '../../tensorflow.ts';
import { numbers } from '../arithmetic.ts';
import type { Execution } from '../execution.ts';

type Names = typeof PERMUTATIONS & typeof RESHAPING & typeof JOINING & typeof INDEXING;

const sampleOf = (x: Tensor): number[] => x.shape.slice(1);
const permuted =
  (order: (options: Options, rank: number) => number[]): Execution =>
  ({ options, inputs: [x] }) =>
    tf.transpose(numbers(x!), [0, ...order(options, x!.rank - 1).map((axis) => axis + 1)]);
const reshape = (x: Tensor, shape: readonly number[]): Tensor => tf.reshape(x, [x.shape[0]!, ...shape]);

/** Consecutive places by a slice, others one by one. */
function placesOf(x: Tensor, places: readonly number[], axis: number): Tensor {
  if (places.some((place, index) => place !== places[0]! + index)) return gatherPlaces(x, places, axis);
  const begin = x.shape.map((_length, at) => (at === axis ? places[0]! : 0));
  return tf.slice(
    x,
    begin,
    x.shape.map((length, at) => (at === axis ? places.length : length)),
  );
}

const getItem: Execution = ({ options, inputs: [x] }) => {
  const taken = takenPlaces(options, sampleOf(x!));
  let y = numbers(x!);
  let axis = 0;
  const shape: number[] = [];
  for (const part of taken) {
    if (part === 'new axis') {
      shape.push(1);
      continue;
    }
    axis++;
    if (part.places !== 'all') y = placesOf(y, part.places, axis);
    if (!part.drops) shape.push(y.shape[axis]!);
  }
  return reshape(y, shape);
};

export const shapingOperations: Record<keyof Names, Execution> = {
  'ops.Concatenate': ({ options, inputs }) => {
    const axis = joinedAxis({ axis: options.axis ?? 0 }, inputs[0]!.rank - 1) + 1;
    const flags = inputs.every(({ dtype }) => dtype === 'bool');
    return tf.concat(flags ? inputs : inputs.map(numbers), axis);
  },
  'ops.ExpandDims': ({ options, inputs: [x] }) => {
    const axes = expandedAxes(options, sampleOf(x!));
    const rest = sampleOf(x!);
    return reshape(
      x!,
      Array.from({ length: rest.length + axes.length }, (_none, axis) => (axes.includes(axis) ? 1 : rest.shift()!)),
    );
  },
  'ops.Flip': ({ options, inputs: [x] }) =>
    tf.reverse(
      numbers(x!),
      sampleAxes(options.axis, x!.rank).map((axis) => axis + 1),
    ),
  'ops.GetItem': getItem,
  'ops.Moveaxis': permuted(moved),
  'ops.OneHot': ({ options, inputs: [x] }) => tf.cast(tf.oneHot(tf.cast(x!, 'int32'), options.num_classes as number), 'float32'),
  'ops.Pad': ({ options, inputs: [x] }) => {
    const sides: [number, number][] = [[0, 0], ...padding(options, sampleOf(x!))];
    const mode = String(options.mode ?? 'constant');
    if (mode === 'reflect' || mode === 'symmetric') return mirrorPad(numbers(x!), sides, mode);
    return tf.pad(numbers(x!), sides, (operandsOf(options)[1] as number | null | undefined) ?? 0);
  },
  'ops.Repeat': ({ options, inputs: [x] }) => {
    const { axis, times } = repeats(options, sampleOf(x!));
    const places = Array.from({ length: x!.shape[axis + 1]! * times }, (_none, place) => Math.floor(place / times));
    return gatherPlaces(numbers(x!), places, axis + 1);
  },
  'ops.Reshape': ({ options, inputs: [x] }) => reshape(x!, reshapedTo(options, sampleOf(x!))),
  'ops.Split': ({ options, inputs: [x] }) => {
    const { axis, parts } = sections(options, sampleOf(x!));
    return parts.map(([start, length]) =>
      placesOf(
        numbers(x!),
        Array.from({ length }, (_none, index) => start + index),
        axis + 1,
      ),
    );
  },
  'ops.Squeeze': ({ options, inputs: [x] }) =>
    tf.squeeze(
      x!,
      squeezedAxes(options, sampleOf(x!)).map((axis) => axis + 1),
    ),
  'ops.Stack': ({ options, inputs }) => {
    const axis = stackedAxis(options, sampleOf(inputs[0]!)) + 1;
    return tf.concat(
      inputs.map((input) => tf.expandDims(numbers(input), axis)),
      axis,
    );
  },
  'ops.Swapaxes': permuted(swapped),
  'ops.Take': ({ options, inputs: [x] }) => {
    const { axis, places, shape } = takes(options, sampleOf(x!));
    return reshape(gatherPlaces(numbers(x!), places, axis + 1), sampleOf(x!).toSpliced(axis, 1, ...shape));
  },
  'ops.Tile': ({ options, inputs: [x] }) => tf.tile(numbers(x!), [1, ...tiles(options, sampleOf(x!))]),
  'ops.TopK': ({ options, inputs: [x] }) => {
    const { values, places } = largest(numbers(x!), options.k as number);
    return [values, places];
  },
  'ops.Transpose': permuted(transposed),
  'ops.Unstack': ({ options, inputs: [x] }) => unstack(numbers(x!), sampleAxis(options.axis ?? 0, x!.rank) + 1),
};
