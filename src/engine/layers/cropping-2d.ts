import { cropping } from './sides.ts';

export const cropping2d = cropping(2);
