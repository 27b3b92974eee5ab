import { cropping } from './sides.ts';

export const cropping3d = cropping(3);
