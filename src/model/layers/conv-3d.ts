import { convolution } from './convolution.ts';

export const conv3d = convolution(3);
