import type { Criterion } from './criterion.ts';

/** Scores nothing: a plan says what goes. */
export const planned: Criterion = { weights: null, units: null };
