import type { LayerClass } from './layer-class.ts';
import { noise } from './noise.ts';

/** Identity. */
export const identity: LayerClass = { ...noise, handsOn: () => 'always' };
