import type { LayerClass } from './layer-class.ts';
import { noise } from './noise.ts';

/** ConvNeXt's StochasticDepth: in training a sample passes or becomes zero, with a chance of `drop_path_rate`. */
export const stochasticDepth: LayerClass = {
  ...noise,
  checkMasks: () => {
    throw new Error('an input has a mask, which Keras keeps behind this layer outside training and drops in training');
  },
};
