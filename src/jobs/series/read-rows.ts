/** A job's series row by row, as if there had been one attempt. */
import type { Blobs } from '../../blobs/blobs.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Metrics, Series } from '../progress.ts';
import { rowNumbers, type SeriesChunk } from './chunk.ts';
import type { Place } from './place.ts';
import type { SegmentFile } from './segment-file.ts';
import { type CountingSegment, listCounting, openWhole, untilUnmoved } from './stored-segments.ts';

export interface RowQuery {
  /** All of them where it is null. */
  series: Series | null;
  /** Names of the values that rows are read with; all where it is null. */
  columns: readonly string[] | null;
  /** Steps, both included. */
  from_step: number;
  to_step: number;
  /** Only rows behind this place. */
  after: Place | null;
  /** The most rows, and the most values: wide rows are fewer. One row is read in any case. */
  most: { rows: number; values: number };
}

export interface PlacedRow {
  series: Series;
  step: number;
  attempt: number;
  /** Null where one is not finite. */
  values: Metrics;
  place: Place;
}

export interface RowPage {
  rows: PlacedRow[];
  has_more: boolean;
}

/** Reads rows in order. Reads the segments they lie in, and no others. */
export function readRows(ledger: Ledger, blobs: Blobs, jobId: string, query: RowQuery): Promise<RowPage> {
  return untilUnmoved(async () => {
    const rows: PlacedRow[] = [];
    let values = 0;
    for (const segment of await listCounting(ledger, jobId)) {
      if (!mayHold(segment, query)) continue;
      for await (const row of rowsIn(segment, await openWhole(blobs, segment), query)) {
        const wide = Object.keys(row.values).length;
        const full = rows.length === query.most.rows || (rows.length > 0 && values + wide > query.most.values);
        if (full) return { rows, has_more: true };
        rows.push(row);
        values += wide;
      }
    }
    return { rows, has_more: false };
  });
}

function mayHold(segment: CountingSegment, { series, after, from_step, to_step }: RowQuery): boolean {
  const { attempt, first_step, last_step, last_row } = segment;
  if (last_step < from_step || first_step > to_step || (series && !segment.series.includes(series))) return false;
  return !after || attempt > after.attempt || (attempt === after.attempt && last_row > after.row);
}

/** The rows of a segment by their numbers. A chunk is unpacked when its first row is due. */
async function* rowsIn(segment: CountingSegment, file: SegmentFile, query: RowQuery): AsyncGenerator<PlacedRow> {
  const { attempt } = segment;
  const { series, columns, after, from_step } = query;
  const above = after?.attempt === attempt ? after.row : -1;
  const last = Math.min(segment.counts_to, query.to_step);
  const wanted = columns ? (name: string) => columns.includes(name) : () => true;
  const due = file.chunks
    .filter(
      (chunk) => (!series || chunk.series === series) && chunk.last_row > above && chunk.last_step >= from_step && chunk.first_step <= last,
    )
    .sort((one, other) => one.first_row - other.first_row);
  const cursors = new Set<Cursor>();
  for (;;) {
    let lowest: Cursor | null = null;
    for (const cursor of cursors) if (!lowest || numberOf(cursor) < numberOf(lowest)) lowest = cursor;
    if (due[0] && (!lowest || due[0].first_row < numberOf(lowest))) {
      const chunk = await file.rows(due.shift()!, wanted);
      cursors.add({ chunk, row: firstAbove(rowNumbers(chunk), above) });
      continue;
    }
    if (!lowest) return;
    const { chunk, row } = lowest;
    const place = { attempt, row: numberOf(lowest) };
    lowest.row++;
    if (lowest.row === chunk.rows) cursors.delete(lowest);
    const step = chunk.data[chunk.rows + row]!;
    if (step >= from_step && step <= last) yield { series: chunk.series, step, attempt, values: valuesOf(chunk, row), place };
  }
}

/** A chunk and the index of its row that comes next. */
interface Cursor {
  chunk: SeriesChunk;
  row: number;
}

function numberOf({ chunk, row }: Cursor): number {
  return chunk.data[row]!;
}

/** The index of the first of ascending numbers that is above `limit`. */
function firstAbove(numbers: Float64Array, limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

function valuesOf(chunk: SeriesChunk, row: number): Metrics {
  return Object.fromEntries(
    chunk.columns.map((name, column) => {
      const value = chunk.data[(column + 2) * chunk.rows + row]!;
      return [name, Number.isFinite(value) ? value : null];
    }),
  );
}
