import { depthwiseConvolution } from './depthwise-convolution.ts';

export const depthwiseConv2d = depthwiseConvolution(2);
