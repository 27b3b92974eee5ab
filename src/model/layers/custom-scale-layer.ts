import type { LayerClass } from './layer-class.ts';
import { merging } from './merging.ts';

/** InceptionResNetV2's CustomScaleLayer: the first input plus `scale` times the second. */
const { checkMasks: _unread, ...plain } = merging(2, 2);
export const customScaleLayer: LayerClass = { ...plain, readsMasks: false, mask: () => null };
