import { projectiveTransform, transformsOf } from '../ops/projective-transform.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

/** The draws are uniform [n]: the factor is least + u · (most − least). Output p, counted from the middle, is the input at p / factor. */
export const zoom: Augmenter<'zoom'> = ({ range: [least, most], fill }, x, seed) => {
  const { count, height, width } = imageShape(x);
  const factor = tf.add(tf.mul(statelessUniform([count], seed), tf.scalar(most - least)), tf.scalar(least));
  const step = tf.reciprocal(factor);
  const offset = (side: number) => tf.mul(tf.sub(tf.scalar(1), step), tf.scalar((side - 1) / 2));
  return projectiveTransform(x, transformsOf(count, [step, 0, offset(width), 0, step, offset(height), 0, 0]), 'bilinear', fill);
};
