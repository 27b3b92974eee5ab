import { noise } from './noise.ts';

/** GaussianNoise: in training plus a normal number. */
export const gaussianNoise = noise;
