import { merging } from './merging.ts';

/** Average of the inputs. */
export const average = merging();
