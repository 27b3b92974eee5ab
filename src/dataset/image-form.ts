/** Whether samples are images, and what their pixels may be. */
import type { DatasetFacts } from './facts.ts';

export interface ImageForm {
  height: number;
  width: number;
  /** The last axis; 1 where samples have none. */
  channels: number;
  /** Between which stored values pixels lie. */
  low: number;
  high: number;
}

/** A side of fewer pixels is no picture of anything. */
const SMALLEST_SIDE = 4;
const CHANNELS = [1, 3, 4];

/**
 * Samples are images where they, or else what the model takes them as (`input`, without the batch axis), are [height, width, channels] with 1, 3 or 4
 * channels, or [height, width] of values within 0 to 255. Null where they are not. Pixels lie in 0 to 1, else in 0 to 255, else in what the data hold.
 */
export function imageForm({ x }: DatasetFacts, input: readonly (number | null)[]): ImageForm | null {
  const isByte = x.min >= 0 && x.max <= 255;
  const [low, high] = x.min >= 0 && x.max <= 1 ? [0, 1] : isByte ? [0, 255] : [x.min, x.max];
  if (high <= low) return null;
  for (const shape of [x.shape, input]) {
    const [height, width, channels = 1] = shape;
    const known = (shape.length === 2 && isByte) || (shape.length === 3 && CHANNELS.includes(channels ?? 0));
    if (known && height && width && channels && Math.min(height, width) >= SMALLEST_SIDE) return { height, width, channels, low, high };
  }
  return null;
}
