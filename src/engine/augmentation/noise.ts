import { statelessNormal } from '../ops/stateless-random.ts';
import { tf } from '../tensorflow.ts';
import type { Augmenter } from './augmenter.ts';

/** The draws are standard normal, of the shape of x, which may be any. */
export const noise: Augmenter<'noise'> = ({ stddev }, x, seed) => tf.add(x, tf.mul(statelessNormal(x.shape, seed), tf.scalar(stddev)));
