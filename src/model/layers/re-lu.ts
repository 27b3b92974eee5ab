import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

/** ReLU with Keras 3's `max_value`, `negative_slope` and `threshold`. */
export const reLU: LayerClass = { ...through, ...carriesMask, activation: () => 'relu' };
