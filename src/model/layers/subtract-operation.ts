import { arithmetic } from './arithmetic.ts';

/** \`x - y\` */
export const subtractOperation = arithmetic();
