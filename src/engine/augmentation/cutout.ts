import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { select } from '../ops/select.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

/**
 * DeVries and Taylor 2017. The draws are uniform [n, squares, 2], of y and of x: a square's centre is pixel ⌊u · side⌋, and it begins ⌊size / 2⌋ before.
 */
export const cutout: Augmenter<'cutout'> = ({ size, count: squares, fill }, x, seed) => {
  const { count, height, width } = imageShape(x);
  const centres = tf.floor(tf.mul(statelessUniform([count, squares, 2], seed), tf.tensor1d([height, width])));
  const [firstY, firstX] = tf.unstack(tf.sub(centres, tf.scalar(Math.floor(size / 2))), 2);
  const inside = (first: Tensor, length: number): Tensor => {
    const distance = tf.sub(tf.range(0, length), tf.reshape(first, [count, squares, 1]));
    return tf.logicalAnd(tf.greaterEqual(distance, tf.scalar(0)), tf.less(distance, tf.scalar(size)));
  };
  const rows = tf.reshape(inside(firstY!, height), [count, squares, height, 1]);
  const columns = tf.reshape(inside(firstX!, width), [count, squares, 1, width]);
  const covered = tf.any(tf.logicalAnd(rows, columns), 1);
  return select(tf.reshape(covered, [count, height, width, 1]), tf.scalar(fill), x);
};
