import { merging } from './merging.ts';

/** Maximum of the inputs. */
export const maximum = merging();
