import { tf } from '../tensorflow.ts';
import { arithmetic } from './arithmetic.ts';

export const addOperation = arithmetic((a, b) => tf.add(a, b));
