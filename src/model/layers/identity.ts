import { noise } from './noise.ts';

/** Identity. */
export const identity = noise;
