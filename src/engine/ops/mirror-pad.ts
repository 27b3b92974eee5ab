import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, text, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** x continued beyond its ends by itself, mirrored at the last place (`reflect`) or behind it (`symmetric`). */
export function mirrorPad(x: Tensor, sides: readonly (readonly [number, number])[], mode: 'reflect' | 'symmetric'): Tensor {
  const attributes = [typed('T'), typed('Tpaddings', INT32), text('mode', mode.toUpperCase())];
  const paddings = (): Tensor => tf.tensor2d(sides.flat(), [sides.length, 2], 'int32');
  return differentiable(
    [x],
    () => ({ value: run('MirrorPad', attributes, [x, paddings()], 1)[0]!, saved: [] }),
    (dy) => [run('MirrorPadGrad', attributes, [dy, paddings()], 1)[0]!],
  );
}
