import { tf } from '../tensorflow.ts';
import { merging } from './merging.ts';

export const subtract = merging((a, b) => tf.sub(a, b));
