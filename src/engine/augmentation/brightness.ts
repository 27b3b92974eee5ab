import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

/** The draws are uniform [n]: all of an image is raised by (2u − 1) · max_delta. */
export const brightness: Augmenter<'brightness'> = ({ max_delta }, x, seed) => {
  const { count } = imageShape(x);
  const raised = tf.mul(tf.sub(tf.mul(statelessUniform([count], seed), tf.scalar(2)), tf.scalar(1)), tf.scalar(max_delta));
  return tf.add(x, tf.reshape(raised, [count, 1, 1, 1]));
};
