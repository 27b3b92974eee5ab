import { depthwiseConvolution } from './depthwise-convolution.ts';

export const depthwiseConv1d = depthwiseConvolution(1);
