import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

const ATTRIBUTES = [typed('T')];

/** max(x, 0), without a gradient at 0. */
export function relu(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Relu', ATTRIBUTES, [from], 1)[0]!,
    (dy, _from, y) => run('ReluGrad', ATTRIBUTES, [dy, y], 1)[0]!,
  );
}
