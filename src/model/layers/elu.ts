import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

/** ELU with `alpha`. */
export const eLU: LayerClass = { ...through, ...carriesMask, activation: () => 'elu' };
