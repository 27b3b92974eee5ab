/** A job's series, read from the segments of its attempts as if there had been one attempt. */
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Blobs } from '../blobs/blobs.ts';
import type { AttemptRow, Ledger, SegmentRow } from '../ledger/ledger.ts';
import type { Series, SeriesRow } from './progress.ts';

const unzip = promisify(gunzip);

/** The place of a row, which stays its own: attempt, segment of the attempt, row of the segment. Written `1.0.17`. */
export interface Place {
  attempt: number;
  segment: number;
  row: number;
}

export interface PlacedRow extends SeriesRow {
  attempt: number;
  place: Place;
}

/** The place a cursor names; null when it names none. */
export function parsePlace(text: string): Place | null {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})$/.exec(text);
  return match ? { attempt: Number(match[1]), segment: Number(match[2]), row: Number(match[3]) } : null;
}

export function printPlace({ attempt, segment, row }: Place): string {
  return `${attempt}.${segment}.${row}`;
}

/**
 * The rows that count, in order, after `after`. An attempt that went on from a checkpoint makes again what an earlier one had made beyond it, so the
 * earlier attempt's rows end there: at the smallest step that a later attempt went on from, or before the first where one started over.
 */
export async function* readSeries(
  ledger: Ledger,
  blobs: Blobs,
  jobId: string,
  { series, after }: { series: Series | null; after: Place | null },
): AsyncGenerator<PlacedRow> {
  const lastStepOf = lastSteps(await ledger.listAttempts(jobId));
  for (const segment of await ledger.listSegments(jobId)) {
    const lastStep = lastStepOf.get(segment.attempt) ?? Number.POSITIVE_INFINITY;
    if (segment.first_step > lastStep) continue;
    if (after && isBefore(segment, after)) continue;
    const rows = JSON.parse((await unzip(await buffer(await blobs.read(segment.blob_key)))).toString()) as SeriesRow[];
    for (const [index, row] of rows.entries()) {
      const place: Place = { attempt: segment.attempt, segment: segment.segment, row: index };
      if (row.step > lastStep || (series && row.series !== series) || (after && !isAfter(place, after))) continue;
      yield { ...row, attempt: segment.attempt, place };
    }
  }
}

/** The last step of each attempt that still counts. An attempt that was lost before its first step has made nothing again, and cuts nothing. */
function lastSteps(attempts: readonly AttemptRow[]): Map<number, number> {
  const last = new Map<number, number>();
  let cut = Number.POSITIVE_INFINITY;
  for (const { n, from_step, first_step_at } of [...attempts].reverse()) {
    last.set(n, cut);
    if (first_step_at !== null) cut = Math.min(cut, from_step ?? -1);
  }
  return last;
}

function isBefore(segment: SegmentRow, after: Place): boolean {
  return segment.attempt < after.attempt || (segment.attempt === after.attempt && segment.segment < after.segment);
}

function isAfter(place: Place, after: Place): boolean {
  if (place.attempt !== after.attempt) return place.attempt > after.attempt;
  if (place.segment !== after.segment) return place.segment > after.segment;
  return place.row > after.row;
}
