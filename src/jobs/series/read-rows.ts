/** A job's series row by row, as if there had been one attempt. */
import type { Blobs } from '../../blobs/blobs.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Metrics, Series } from '../progress.ts';
import { rowNumbers, type SeriesChunk, stepsOf } from './chunk.ts';
import type { Place } from './place.ts';
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
      for (const row of rowsIn(segment, await chunksOf(blobs, segment, query), query)) {
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

async function chunksOf(blobs: Blobs, segment: CountingSegment, { series, columns }: RowQuery): Promise<SeriesChunk[]> {
  const file = await openWhole(blobs, segment);
  const wanted = columns ? (name: string) => columns.includes(name) : () => true;
  return Promise.all(file.chunks.filter((chunk) => !series || chunk.series === series).map((chunk) => file.rows(chunk, wanted)));
}

/** The rows of chunks, by their numbers. */
function* rowsIn(
  { attempt, counts_to }: CountingSegment,
  chunks: readonly SeriesChunk[],
  { after, from_step, to_step }: RowQuery,
): Generator<PlacedRow> {
  const above = after?.attempt === attempt ? after.row : -1;
  const last = Math.min(counts_to, to_step);
  const cursors = chunks.map((chunk) => {
    const numbers = rowNumbers(chunk);
    return { chunk, numbers, steps: stepsOf(chunk), next: firstAbove(numbers, above) };
  });
  for (;;) {
    let lowest: (typeof cursors)[number] | null = null;
    for (const cursor of cursors) {
      if (cursor.next === cursor.chunk.rows) continue;
      if (!lowest || cursor.numbers[cursor.next]! < lowest.numbers[lowest.next]!) lowest = cursor;
    }
    if (!lowest) return;
    const { chunk, numbers, steps } = lowest;
    const row = lowest.next++;
    const step = steps[row]!;
    if (step < from_step || step > last) continue;
    yield { series: chunk.series, step, attempt, values: valuesOf(chunk, row), place: { attempt, row: numbers[row]! } };
  }
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
