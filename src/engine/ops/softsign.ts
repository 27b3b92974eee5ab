import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { elementwise } from './differentiable.ts';

/** x / (|x| + 1). */
export function softsign(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('Softsign', [typed('T')], [from], 1)[0]!,
    (dy, from) => run('SoftsignGrad', [typed('T')], [dy, from], 1)[0]!,
  );
}
