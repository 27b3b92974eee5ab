import { projectiveTransform, transformsOf } from '../ops/projective-transform.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { aboutMiddle } from './about-middle.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

/**
 * The draws are uniform [n]: the angle is (2u − 1) · max_degrees. Output (x, y), counted from the middle, is the input at
 * (x·cos − y·sin, x·sin + y·cos): a positive angle turns counter-clockwise.
 */
export const rotate: Augmenter<'rotate'> = ({ max_degrees, fill }, x, seed) => {
  const { count, height, width } = imageShape(x);
  const radians = (max_degrees * Math.PI) / 180;
  const angle = tf.mul(tf.sub(tf.mul(statelessUniform([count], seed), tf.scalar(2)), tf.scalar(1)), tf.scalar(radians));
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  const back = tf.neg(sin);
  const offset = aboutMiddle({ height, width }, [cos, back, sin, cos]);
  return projectiveTransform(x, transformsOf(count, [cos, back, offset.x, sin, cos, offset.y, 0, 0]), 'bilinear', fill);
};
