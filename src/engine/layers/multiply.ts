import { tf } from '../tensorflow.ts';
import { merging } from './merging.ts';

export const multiply = merging((a, b) => tf.mul(a, b), 'product');
