import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { float, run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** x, below 0 slope·x. */
export function leakyRelu(x: Tensor, slope: number): Tensor {
  const attributes = [typed('T'), float('alpha', slope)];
  return elementwise(
    x,
    (from) => run('LeakyRelu', attributes, [from], 1)[0]!,
    (dy, from) => run('LeakyReluGrad', attributes, [dy, from], 1)[0]!,
  );
}
