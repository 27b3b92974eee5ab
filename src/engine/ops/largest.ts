import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag, INT32, run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** The k largest of the last axis, the largest first, and their places as float32. The gradient goes to the places. */
export function largest(x: Tensor, k: number): { values: Tensor; places: Tensor } {
  const attributes = [flag('sorted', true), typed('T'), typed('Tk', INT32), typed('index_type', INT32)];
  const [values, indices] = run('TopKV2', attributes, [x, tf.scalar(k, 'int32')], 2) as [Tensor, Tensor];
  const taken = differentiable(
    [x],
    () => ({ value: values, saved: [indices] }),
    (dy, [numbers]) => [tf.sum(tf.mul(tf.oneHot(numbers!, x.shape.at(-1)!), tf.expandDims(dy, -1)), -2)],
  );
  return { values: taken, places: tf.cast(indices, 'float32') };
}
