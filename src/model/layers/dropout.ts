import type { LayerClass } from './layer-class.ts';
import { noise } from './noise.ts';
import { noiseShape } from './noise-shape.ts';

/** Dropout: the identity outside training. */
export const dropout: LayerClass = {
  ...noise,
  outputShape: (options, [input]) => {
    noiseShape(options, input!);
    return input!;
  },
};
