/** How the rows of an attempt become segments: small ones at first, so that rows are soon seen, which then become fewer and larger. */
import { joinChunks, type SeriesChunk } from '../jobs/series/chunk.ts';

/** Values, row numbers and steps included, from which on a segment is large enough to stay as it is: 4 MiB, or 50,000 steps. */
export const FULL_VALUES = 2 ** 19;

/** Neighbours of the same generation that are put together. */
const TOGETHER = 16;

/** Rows that are stored together, or are about to be. */
export interface Segment {
  chunks: SeriesChunk[];
  values: number;
  /** How often its rows were put together with others. */
  generation: number;
}

/** A segment of the rows; null where there are none. */
export function makeSegment(chunks: readonly SeriesChunk[], generation = 0): Segment | null {
  if (chunks.length === 0) return null;
  const joined = joinChunks(chunks);
  return { chunks: joined, values: joined.reduce((sum, { data }) => sum + data.length, 0), generation };
}

/**
 * How many of the newest segments, given oldest first, are to become one: all once they would fill one, else sixteen of one generation. 0 where they stay.
 * A row is thus rewritten once for every factor of sixteen, and a series of n values has n / `FULL_VALUES` segments and some dozen small ones.
 */
export function mergeable(segments: readonly Pick<Segment, 'values' | 'generation'>[]): number {
  if (segments.length < 2) return 0;
  if (segments.reduce((sum, { values }) => sum + values, 0) >= FULL_VALUES) return segments.length;
  const newest = segments.at(-1)!.generation;
  const alike = segments.length - 1 - segments.findLastIndex(({ generation }) => generation !== newest);
  return alike >= TOGETHER ? alike : 0;
}
