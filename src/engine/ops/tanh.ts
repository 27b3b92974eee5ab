import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** The hyperbolic tangent. */
export function tanh(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Tanh', [typed('T')], [from], 1)[0]!,
    (dy, _from, y) => run('TanhGrad', [typed('T')], [y, dy], 1)[0]!,
  );
}
