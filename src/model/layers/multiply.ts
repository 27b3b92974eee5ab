import { merging } from './merging.ts';

/** Multiply: a gate, say. */
export const multiply = merging();
