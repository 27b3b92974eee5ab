import type { SeriesRow } from './frames.ts';

/** The most rows a stored segment holds. */
export const SEGMENT_ROWS = 2_000;

/** Rows of a job's series that are stored together, in the order in which the engine sent them. */
export interface Segment {
  rows: SeriesRow[];
  first_step: number;
  last_step: number;
}

/** Cuts rows into segments of at most `limit`. The first and last step are the smallest and largest, since rows of several series interleave. */
export function cutSegments(rows: readonly SeriesRow[], limit = SEGMENT_ROWS): Segment[] {
  const segments: Segment[] = [];
  for (let begin = 0; begin < rows.length; begin += limit) {
    const part = rows.slice(begin, begin + limit);
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (const { step } of part) {
      first = Math.min(first, step);
      last = Math.max(last, step);
    }
    segments.push({ rows: part, first_step: first, last_step: last });
  }
  return segments;
}
