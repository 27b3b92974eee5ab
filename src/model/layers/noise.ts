import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { through } from './through.ts';

/** What the layers share that only disturb their input in training. */
export const noise: LayerClass = { ...through, ...carriesMask, keepsValues: () => true, handsOn: () => 'outside training' };
