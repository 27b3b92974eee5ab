import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Fill, projectiveTransform, transformsOf } from '../ops/projective-transform.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { imageShape } from './augmenter.ts';

/**
 * Images moved by whole pixels: output (x, y) is the input at (x + dx, y + dy), dy and dx drawn from −most to most, all the same likely. The draws are
 * uniform [n, 2], of y and of x: d = ⌊u · (2·most + 1)⌋ − most.
 */
export function translate(x: Tensor, most: { y: number; x: number }, fill: Fill, seed: Tensor): Tensor {
  const { count } = imageShape(x);
  const spread = tf.tensor1d([2 * most.y + 1, 2 * most.x + 1]);
  const moved = tf.sub(tf.floor(tf.mul(statelessUniform([count, 2], seed), spread)), tf.tensor1d([most.y, most.x]));
  const [dy, dx] = tf.unstack(moved, 1);
  return projectiveTransform(x, transformsOf(count, [1, 0, dx!, 0, 1, dy!, 0, 0]), 'nearest', fill);
}
