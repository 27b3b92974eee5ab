import { arithmetic } from './arithmetic.ts';

/** `x / y` by a number: a channel that is gone would divide by zero. */
export const divideOperation = arithmetic((operands) => (typeof operands[1] === 'number' ? null : 'a number to divide by'));
