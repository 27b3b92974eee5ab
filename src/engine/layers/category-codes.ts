import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

/** Class numbers as codes of `depth` classes. */
export function coded(x: Tensor, mode: string, depth: number): Tensor {
  if (mode === 'int') return x;
  const rows = tf.cast(tf.oneHot(tf.cast(x, 'int32'), depth), 'float32');
  if (mode === 'one_hot') return x.rank > 1 && x.shape.at(-1) === 1 ? tf.squeeze(rows, [rows.rank - 2]) : rows;
  return mode === 'count' ? tf.sum(rows, 1) : tf.max(rows, 1);
}
