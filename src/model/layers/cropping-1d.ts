import { cropping } from './sides.ts';

export const cropping1d = cropping(1);
