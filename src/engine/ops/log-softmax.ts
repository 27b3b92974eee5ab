import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { elementwise } from './differentiable.ts';

/** The logarithm of the softmax over the last axis; dx = dy - softmax(x)·Σdy. */
export function logSoftmax(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => run('LogSoftmax', [typed('T')], [from], 1)[0]!,
    (dy, _from, y) => tf.sub(dy, tf.mul(tf.exp(y), tf.sum(dy, -1, true))),
  );
}
