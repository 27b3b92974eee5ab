import { merging } from './merging.ts';

/** InceptionResNetV2's CustomScaleLayer: the first input plus `scale` times the second. */
export const customScaleLayer = merging(2, 2);
