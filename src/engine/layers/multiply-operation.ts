import { tf } from '../tensorflow.ts';
import { arithmetic } from './arithmetic.ts';

export const multiplyOperation = arithmetic((a, b) => tf.mul(a, b));
