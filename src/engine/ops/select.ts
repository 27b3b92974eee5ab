import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';

/** `yes` where the condition (bool) holds, else `no`; float32, all three broadcast. */
export function select(condition: Tensor, yes: Tensor, no: Tensor): Tensor {
  return run('SelectV2', [typed('T')], [condition, yes, no], 1)[0]!;
}
