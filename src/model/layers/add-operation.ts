import { arithmetic } from './arithmetic.ts';

/** \`x + y\` */
export const addOperation = arithmetic();
