import { noise } from './noise.ts';

/** GaussianDropout: in training times a normal number around 1. */
export const gaussianDropout = noise;
