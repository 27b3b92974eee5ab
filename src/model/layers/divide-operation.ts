import { arithmetic, coupleElements, coupleUnfollowed, operandsOf } from './arithmetic.ts';

/** `x / y`. Where y is a tensor nothing is cut: a channel that is gone would divide by zero. */
export const divideOperation = arithmetic(['x1', 'x2'], (options, coupling) =>
  typeof operandsOf(options)[1] === 'number' ? coupleElements(options, coupling) : coupleUnfollowed(coupling, 'a division by a tensor'),
);
