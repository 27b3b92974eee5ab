/** Layers that add to or take from the ends of spatial axes. */
import { sidesOf } from '../../model/layers/sides.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

/** Zeros at the ends of `rank` spatial axes. */
export function zeroPadding(rank: number): Execution {
  return ({ options, inputs: [x] }) => tf.pad(x!, [[0, 0], ...sidesOf(options, 'padding', rank), [0, 0]]);
}

/** Cuts off the ends of `rank` spatial axes. */
export function cropping(rank: number): Execution {
  return ({ options, inputs: [x] }) => {
    const sides = [[0, 0], ...sidesOf(options, 'cropping', rank), [0, 0]] as [number, number][];
    return tf.slice(
      x!,
      sides.map(([before]) => before),
      sides.map(([before, after], axis) => x!.shape[axis]! - before - after),
    );
  };
}
