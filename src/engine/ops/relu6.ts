import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** min(max(x, 0), 6), without a gradient at both ends. */
export function relu6(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Relu6', [typed('T')], [from], 1)[0]!,
    (dy, from) => run('Relu6Grad', [typed('T')], [dy, from], 1)[0]!,
  );
}
