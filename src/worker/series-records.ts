import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import type { AttemptKeys } from '../jobs/keys.ts';
import { boundsOf, encodeSegment } from '../jobs/series/segment-file.ts';
import type { Ledger, SegmentRow } from '../ledger/ledger.ts';
import { isFinal, isProblem, PATIENCE_MS, patiently } from './patiently.ts';
import { FULL_VALUES, makeSegment, mergeable, type Segment } from './segments.ts';

/** Stores an attempt's rows. One call at a time. */
export interface SeriesRecords {
  /** Stores a segment, and puts it together with earlier ones where there are enough. False when the attempt is fenced off. */
  store(segment: Segment): Promise<boolean>;
  /** Puts all together that are not large yet: nothing more will come. False when the attempt is fenced off. */
  settle(): Promise<boolean>;
}

export function openSeriesRecords(options: {
  ledger: Ledger;
  blobs: Blobs;
  log: Logger;
  jobId: string;
  attempt: number;
  keys: AttemptKeys;
}): SeriesRecords {
  const { ledger, blobs, log, jobId, attempt, keys } = options;
  /** The newest segments that are not large yet, with their rows: fewer bytes than a large one has. */
  let small: Segment[] = [];

  const write = async ({ chunks }: Segment, isAnswer = isFinal): Promise<SegmentRow> => {
    const bounds = boundsOf(chunks);
    const { bytes, head_bytes } = await encodeSegment(chunks);
    const blob_key = keys.segment(bounds.first_row, bounds.last_row);
    const { sha256, size_bytes } = await patiently(
      log,
      'storing a segment',
      () => blobs.put(blob_key, Readable.from([bytes])),
      PATIENCE_MS,
      isAnswer,
    );
    const series = [...new Set(chunks.map((chunk) => chunk.series))];
    return { job_id: jobId, attempt, ...bounds, series, blob_key, head_bytes, size_bytes, sha256, created_at: Date.now() };
  };

  /** Puts the newest `count` together, once and for all. Until the ledger says so, they stay what is read. */
  const merge = async (count: number): Promise<boolean> => {
    const parts = small.splice(-count);
    const merged = makeSegment(
      parts.flatMap(({ chunks }) => chunks),
      Math.max(...parts.map(({ generation }) => generation)) + 1,
    )!;
    let row: SegmentRow;
    try {
      row = await write(merged, isProblem);
    } catch (error) {
      // A full disk leaves the parts as they are, and as they will be read.
      if (!(error instanceof Problem)) throw error;
      log.warn({ err: error }, 'Segments were not put together');
      return true;
    }
    const replaced = await patiently(log, 'recording segments put together', () => ledger.mergeSegments(row));
    if (replaced === false) {
      await blobs.delete(row.blob_key);
      return false;
    }
    for (const { blob_key } of replaced) await blobs.delete(blob_key);
    if (merged.values < FULL_VALUES) small.push(merged);
    return true;
  };

  return {
    async store(segment) {
      const row = await write(segment);
      const kept = await patiently(log, 'recording a segment', () => ledger.addSegment(row));
      if (!kept) {
        await blobs.delete(row.blob_key);
        return false;
      }
      small.push(segment);
      for (let count = mergeable(small); count > 0; count = mergeable(small)) if (!(await merge(count))) return false;
      // Alone it was large from the start.
      small = small.filter(({ values }) => values < FULL_VALUES);
      return true;
    },

    settle: async () => small.length < 2 || (await merge(small.length)),
  };
}
