import { centre } from '../../model/layers/center-crop.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';

export const centerCrop: Execution = ({ options, inputs: [x] }) => {
  const { begin, length } = centre(options, x!.shape.slice(1));
  return tf.slice(x!, [0, ...begin, 0], [x!.shape[0]!, ...length, x!.shape[3]!]);
};
