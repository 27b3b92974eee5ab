import type { LayerClass } from './layer-class.ts';
import { through } from './through.ts';

/** ELU with `alpha`. */
export const eLU: LayerClass = { ...through, activation: () => 'elu' };
