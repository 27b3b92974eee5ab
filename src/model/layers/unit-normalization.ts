import type { LayerClass } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { perSample } from './normalised-axes.ts';

/** UnitNormalization: length 1 along the normalised axes. */
export const unitNormalization: LayerClass = { ...perSample, ...carriesMask };
