import { number } from '../../model/layers/options.ts';
import { broadcastTo } from '../ops/broadcast-to.ts';
import { compare } from '../ops/detached.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const masking: Execution = ({ options, inputs: [x] }) => {
  const mask = tf.any(compare('NotEqual', x!, tf.scalar(number(options, 'mask_value', 0))), -1);
  const counts = tf.expandDims(tf.cast(mask, 'float32'), -1);
  const kept = tf.greater(broadcastTo(counts, x!.shape), 0);
  return [tf.where(kept, x!, tf.zerosLike(x!)), mask];
};
