import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** log(exp(x) + 1). */
export function softplus(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Softplus', [typed('T')], [from], 1)[0]!,
    (dy, from) => run('SoftplusGrad', [typed('T')], [dy, from], 1)[0]!,
  );
}
