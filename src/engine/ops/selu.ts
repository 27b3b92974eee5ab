import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** λ·x, below 0 λ·α·(exp(x) - 1) (Klambauer et al. 2017). */
export function selu(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Selu', [typed('T')], [from], 1)[0]!,
    (dy, _from, y) => run('SeluGrad', [typed('T')], [dy, y], 1)[0]!,
  );
}
