import { select } from '../ops/select.ts';
import { statelessUniform } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { type Augmenter, imageShape } from './augmenter.ts';

const HEIGHT = 1;
const WIDTH = 2;

/** The draws are uniform [n, 2], the first for top and bottom, the second for left and right; an image is mirrored where its draw is below the probability. */
export const flip: Augmenter<'flip'> = ({ axes, probability }, x, seed) => {
  const { count } = imageShape(x);
  const [vertical, horizontal] = tf.unstack(tf.less(statelessUniform([count, 2], seed), tf.scalar(probability)), 1);
  let flipped = x;
  if (axes !== 'horizontal') flipped = select(tf.reshape(vertical!, [count, 1, 1, 1]), tf.reverse(flipped, HEIGHT), flipped);
  if (axes !== 'vertical') flipped = select(tf.reshape(horizontal!, [count, 1, 1, 1]), tf.reverse(flipped, WIDTH), flipped);
  return flipped;
};
