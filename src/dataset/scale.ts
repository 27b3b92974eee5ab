import { invalid } from './complaints.ts';
import type { Features } from './features.ts';
import type { DatasetOptions } from './options.ts';
import { FLOAT32_LIMIT } from './storage.ts';

const UNIT = 1 / 255;

/**
 * What stored values are multiplied by before a model sees them. Default: 1/255 for whole numbers from 0 to 255 that came as bytes or as samples of two axes
 * or more, unless they are just 0 and 1; else 1. Throws DATASET_INVALID where `unit` is asked for other values, or the product is no float32.
 */
export function scaleOf({ uploaded, shape, min, max }: Features, asked: DatasetOptions['scale']): number {
  const isByte = min >= 0 && max <= 255;
  if (asked === undefined) {
    const isImage = uploaded === 'bytes' || (uploaded === 'whole' && shape.length >= 2);
    return isImage && isByte && max > 1 ? UNIT : 1;
  }
  if (asked === 'none') return 1;
  if (asked === 'unit') {
    if (isByte) return UNIT;
    throw invalid(
      '#part:scale',
      `scale 'unit' divides by 255, for values from 0 to 255; x goes from ${min} to ${max}. Accepted are 'none' and a number above 0`,
      {
        received: asked,
      },
    );
  }
  if (Math.max(Math.abs(min), Math.abs(max)) * asked < FLOAT32_LIMIT) return asked;
  throw invalid('#part:scale', `x goes from ${min} to ${max}; times ${asked} that is beyond float32`, { received: asked });
}
