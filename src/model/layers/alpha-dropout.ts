import type { LayerClass } from './layer-class.ts';
import { noise } from './noise.ts';
import { noiseShape } from './noise-shape.ts';

/** AlphaDropout, which keeps mean and variance (Klambauer et al. 2017): the identity outside training. */
export const alphaDropout: LayerClass = {
  ...noise,
  outputShape: (options, [input]) => {
    noiseShape(options, input!);
    return input!;
  },
};
