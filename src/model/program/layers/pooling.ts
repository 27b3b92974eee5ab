import { adaptedPlaces, adaptedSize } from '../../layers/adaptive-pooling.ts';
import { flag } from '../../layers/options.ts';
import { poolingWindow } from '../../layers/pooling.ts';
import type { ProgramBuilder } from '../builder.ts';
import type { Lowering } from '../lowering.ts';
import type { SlidingWindow, Value } from '../program.ts';
import { known } from './sample.ts';

/** Pooling over all spatial axes. */
export function pooling(of: 'max' | 'mean'): Lowering {
  return (b, { options, inputs: [x] }) => b.pool(of, x!, poolingWindow(options, x!.shape.length - 2) as SlidingWindow);
}

const placesOf = ({ shape }: Value): number[] => shape.slice(1, -1).map((_length, axis) => axis + 1);

/** The mean over all places that count. */
export const globalAverage: Lowering = (b, { options, inputs: [x], masks: [mask] }) => {
  const keeps = flag(options, 'keepdims', false);
  const places = placesOf(x!);
  if (!mask) return b.reduce('mean', x!, places, keeps);
  const counted = b.expandDims(mask, mask.shape.length);
  const total = b.reduce('sum', b.where(counted, x!, 0), places, keeps);
  return b.div(total, b.reduce('sum', b.cast(counted, 'float32'), places, keeps));
};

export const globalMax: Lowering = (b, { options, inputs: [x] }) => b.reduce('max', x!, placesOf(x!), flag(options, 'keepdims', false));

/** Adaptive pooling over all spatial axes, one after the other. */
export function adaptivePooling(of: 'max' | 'mean'): Lowering {
  return (b, { options, inputs: [x] }) =>
    adaptedSize(options, x!.shape.length - 2).reduce((from, size, axis) => alongAxis(b, from, axis + 1, size, of), x!);
}

function alongAxis(b: ProgramBuilder, x: Value, axis: number, size: number, of: 'max' | 'mean'): Value {
  const places = adaptedPlaces(known(x.shape[axis], `axis ${axis}`), size);
  return b.concat(
    places.map(([from, to]) => b.reduce(of, b.part(x, axis, from, to), [axis])),
    axis,
  );
}
