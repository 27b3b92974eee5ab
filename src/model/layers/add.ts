import { merging } from './merging.ts';

/** Add: a residual sum, say. */
export const add = merging();
