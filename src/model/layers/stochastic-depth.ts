import { noise } from './noise.ts';

/** ConvNeXt's StochasticDepth: in training a sample passes or becomes zero, with a chance of `drop_path_rate`. */
export const stochasticDepth = noise;
