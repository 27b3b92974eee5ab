import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

/** LeakyReLU; Keras 3 writes `negative_slope`, Keras 2 wrote `alpha`. */
export const leakyReLU: LayerClass = { ...through, ...carriesMask, activation: () => 'leaky_relu' };
