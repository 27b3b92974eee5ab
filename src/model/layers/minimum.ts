import { merging } from './merging.ts';

/** Minimum of the inputs. */
export const minimum = merging();
