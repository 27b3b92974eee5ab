import type { LayerClass } from './layer-class.ts';
import { masksOver } from './masking.ts';
import { globalPooling } from './pooling.ts';

/** GlobalAveragePooling1D: the mean over the steps that a mask lets count. */
export const globalAveragePooling1d: LayerClass = { ...globalPooling(1), ...masksOver(1) };
