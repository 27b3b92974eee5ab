import { merging } from './merging.ts';

/** Subtract: the second input from the first. */
export const subtract = merging(2, 2);
