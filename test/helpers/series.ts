/** The series that an engine's frames carry, row by row. */
import type { EngineFrame, SeriesRow } from '../../src/worker/frames.ts';

/** The rows of all series frames, in the order in which they were reported. */
export function rowsOf(frames: readonly EngineFrame[]): SeriesRow[] {
  return frames.flatMap((frame) => (frame.kind === 'series' ? frame.rows : []));
}
