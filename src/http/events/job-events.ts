/** A job as it happens: its rows and its changes, from a place on, to its end. */
import { setTimeout } from 'node:timers/promises';
import type { Blobs } from '../../blobs/blobs.ts';
import { Problem, problemDocument } from '../../errors.ts';
import { readJobView } from '../../jobs/read-view.ts';
import { lastSteps } from '../../jobs/series/last-steps.ts';
import { type Place, parsePlace, printPlace } from '../../jobs/series/place.ts';
import { type RowQuery, readRows } from '../../jobs/series/read-rows.ts';
import { type JobRow, type Ledger, TERMINAL } from '../../ledger/ledger.ts';
import { SERIES_PAGE } from '../limits.ts';
import { metricsPage } from '../views/series.ts';
import type { ServerEvent } from './server-sent.ts';

const LOOK_EVERY_MS = 500;
const SILENT_AT_MOST_MS = 15_000;

export interface Following {
  ledger: Ledger;
  blobs: Blobs;
  /** Throws Problem where there is no such job any more. */
  load(): Promise<JobRow>;
  selection: Pick<RowQuery, 'series' | 'columns'>;
  /** The id of the last event that the client has; null for one that has none. */
  lastId: string | null;
  /** Aborted when nobody reads any more. */
  gone: AbortSignal;
}

/**
 * Events of the job; null where nothing has happened for a while. `rows` have an id, which is the place of the last of them. A job whose attempt was lost
 * goes on from a checkpoint and makes rows again: `rewound` says which of those sent no longer count. With an id that is none of the job's, what is stored
 * is summed up by `reset`, and what comes after it follows.
 */
export async function* jobEvents(following: Following): AsyncGenerator<ServerEvent | null> {
  try {
    yield* follow(following);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    yield { event: 'problem', data: problemDocument(error.code, error.message) };
  }
}

async function* follow({ ledger, blobs, load, selection, lastId, gone }: Following): AsyncGenerator<ServerEvent | null> {
  let row = await load();
  const { id } = row;
  let place = lastId === null ? null : await knownPlace(ledger, id, lastId);
  /** The last step of rows that the client has. */
  let sentTo = place ? Number.POSITIVE_INFINITY : -1;
  if (lastId !== null && !place) {
    place = await lastPlace(ledger, id);
    sentTo = Number.POSITIVE_INFINITY;
    yield { ...(place ? { id: printPlace(place) } : {}), event: 'reset', data: { job: await readJobView(ledger, row) } };
  }
  const most = { rows: SERIES_PAGE.default, values: SERIES_PAGE.mostValues };
  let shown = { job: '', progress: '' };
  let last = performance.now();
  while (!gone.aborted) {
    for (let more = true; more && !gone.aborted; ) {
      const page = await readRows(ledger, blobs, id, { ...selection, from_step: 0, to_step: Number.MAX_SAFE_INTEGER, after: place, most });
      more = page.has_more;
      const end = page.rows.at(-1);
      // Only a later attempt makes rows again.
      if (place && Math.max(row.attempt, end?.attempt ?? 0) > place.attempt) {
        const counts = lastSteps(await ledger.listAttempts(id)).get(place.attempt)!;
        if (counts < sentTo) {
          sentTo = counts;
          yield { event: 'rewound', data: { to_step: Math.max(0, counts) } };
        }
      }
      if (!end) continue;
      place = end.place;
      sentTo = page.rows.reduce((most, { step }) => Math.max(most, step), sentTo);
      last = performance.now();
      yield { id: printPlace(place), event: 'rows', data: metricsPage(page, null).data };
    }
    const view = await readJobView(ledger, row);
    if (TERMINAL.includes(row.status)) return yield { event: 'end', data: view };
    const { progress, metrics, ...job } = view;
    const next = { job: JSON.stringify(job), progress: JSON.stringify([progress, metrics]) };
    if (next.job !== shown.job || next.progress !== shown.progress || performance.now() - last > SILENT_AT_MOST_MS) {
      last = performance.now();
      if (next.job !== shown.job) yield { event: 'job', data: view };
      else yield next.progress === shown.progress ? null : { event: 'progress', data: { progress, metrics } };
      shown = next;
    }
    await setTimeout(LOOK_EVERY_MS, undefined, { signal: gone }).catch(() => undefined);
    row = await load();
  }
}

/** The place of an id; null where the job has no such row, and never had. */
async function knownPlace(ledger: Ledger, jobId: string, id: string): Promise<Place | null> {
  const place = parsePlace(id);
  if (!place) return null;
  const segments = await ledger.listSegments(jobId);
  return segments.some(({ attempt, last_row }) => attempt === place.attempt && last_row >= place.row) ? place : null;
}

/** The place of the newest row; null before the first. */
async function lastPlace(ledger: Ledger, jobId: string): Promise<Place | null> {
  const newest = (await ledger.listSegments(jobId)).at(-1);
  return newest ? { attempt: newest.attempt, row: newest.last_row } : null;
}
