import { tf } from '../tensorflow.ts';
import { merging } from './merging.ts';

export const add = merging((a, b) => tf.add(a, b));
