import { tf } from '../tensorflow.ts';
import { arithmetic } from './arithmetic.ts';

export const divideOperation = arithmetic((a, b) => tf.div(a, b));
