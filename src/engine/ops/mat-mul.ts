import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag, run, typed } from '../raw-ops.ts';
import { differentiable } from './differentiable.ts';

/** The product of matrices as TensorFlow's own operation, without a gradient; tfjs' is one of stacks of matrices, between reshapes. */
export function product(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  return run('MatMul', [typed('T'), flag('transpose_a', transposeA), flag('transpose_b', transposeB)], [a, b], 1)[0]!;
}

/** a [n, k] times b [k, m]. Where a gradient is not asked for, a graph leaves its product out. */
export function matMul(a: Tensor, b: Tensor): Tensor {
  return differentiable(
    [a, b],
    () => ({ value: product(a, b), saved: [a, b] }),
    (dy, [left, right]) => [product(dy, right!, false, true), product(left!, dy, true)],
  );
}
