import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';

/** x stretched to the shape along its axes of 1. Not differentiable. */
export function broadcastTo(x: Tensor, shape: readonly number[]): Tensor {
  return run('BroadcastTo', [typed('T'), typed('Tidx', INT32)], [x, tf.tensor1d([...shape], 'int32')], 1)[0]!;
}
