import { tf } from '../tensorflow.ts';
import { arithmetic } from './arithmetic.ts';

export const subtractOperation = arithmetic((a, b) => tf.sub(a, b));
