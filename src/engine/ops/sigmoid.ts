import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Sigmoid', [typed('T')], [from], 1)[0]!,
    (dy, _from, y) => run('SigmoidGrad', [typed('T')], [y, dy], 1)[0]!,
  );
}
