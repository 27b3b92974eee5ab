import { separableConvolution } from './separable-convolution.ts';

export const separableConv2d = separableConvolution(2);
