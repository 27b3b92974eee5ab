import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

/** The draws are uniform [n]: the factor f is 1 + (2u − 1) · max_change, and x becomes mean + f · (x − mean), the mean being each channel's. */
export const contrast: Augmenter<'contrast'> = ({ max_change }, x, seed) => {
  const { count } = imageShape(x);
  const change = tf.mul(tf.sub(tf.mul(statelessUniform([count], seed), tf.scalar(2)), tf.scalar(1)), tf.scalar(max_change));
  const factor = tf.reshape(tf.add(change, tf.scalar(1)), [count, 1, 1, 1]);
  const mean = tf.mean(x, [1, 2], true);
  return tf.add(mean, tf.mul(factor, tf.sub(x, mean)));
};
