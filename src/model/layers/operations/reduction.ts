import type { LayerClass, Options, Shape } from '../layer-class.ts';
import { flag } from '../options.ts';
import { sampleAxes } from './axes.ts';
import { coupleLast } from './coupling.ts';

/** The axes of a sample, from 0, that a reduction takes together. */
export function reducedAxes(options: Options, shape: Shape): number[] {
  return sampleAxes(options.axis, shape.length + 1);
}

/** Mean, sum, maximum and their like over axes of a sample. Over places each channel stays by itself. */
const reduction: LayerClass = {
  callTensors: ['x'],
  refuse: (options) => ((options.initial ?? null) === null ? null : { option: 'initial', received: options.initial, accepted: 'null' }),
  outputShape: (options, [input]) => {
    const axes = reducedAxes(options, input!);
    const kept = flag(options, 'keepdims', false);
    return input!.flatMap((length, axis) => (axes.includes(axis) ? (kept ? [1] : []) : [length]));
  },
  couple: (options, coupling) => {
    const [shape] = coupling.inputShapes;
    return coupleLast(coupling, !reducedAxes(options, shape!).includes(shape!.length - 1), 'a reduction over the channels');
  },
};

/** Reductions whose result says nothing of a channel that is silenced, or something else than 0. */
const unfollowed: LayerClass = { ...reduction, couple: (_options, coupling) => coupleLast(coupling, false, 'this reduction') };

/** One axis, and whole numbers. */
const position: LayerClass = {
  ...unfollowed,
  refuse: (options) => (Array.isArray(options.axis) ? { option: 'axis', received: options.axis, accepted: 'one axis' } : null),
};

/** Reductions by Keras' names. */
export const REDUCTIONS = {
  'ops.All': unfollowed,
  'ops.Amax': reduction,
  'ops.Amin': reduction,
  'ops.Any': unfollowed,
  'ops.Argmax': position,
  'ops.Argmin': position,
  'ops.Logsumexp': unfollowed,
  'ops.Max': reduction,
  'ops.Mean': reduction,
  'ops.Min': reduction,
  'ops.Prod': unfollowed,
  'ops.Std': unfollowed,
  'ops.Sum': reduction,
  'ops.Var': unfollowed,
} as const satisfies Record<string, LayerClass>;
