import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** x, below 0 exp(x) - 1. */
export function elu(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Elu', [typed('T')], [from], 1)[0]!,
    (dy, _from, y) => run('EluGrad', [typed('T')], [dy, y], 1)[0]!,
  );
}
