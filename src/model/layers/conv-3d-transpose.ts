import { transposedConvolution } from './transposed-convolution.ts';

export const conv3dTranspose = transposedConvolution(3);
