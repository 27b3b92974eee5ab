import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import type { JobWarning, Ledger } from '../ledger/ledger.ts';
import { strayPath } from './containment.ts';
import type { SeriesRow } from './frames.ts';
import { attemptKeys } from './keys.ts';
import type { Loss } from './outcome.ts';
import { patiently } from './patiently.ts';
import { cutSegments, SEGMENT_ROWS, type Segment } from './segments.ts';

const compress = promisify(gzip);

/** What an attempt has to say while it runs, written to blobs and ledger one after the other in the order in which it was said. */
export interface Records {
  started(fromStep: number | null): void;
  warning(warning: JobWarning): void;
  series(rows: readonly SeriesRow[]): void;
  /** Takes the file over. The series up to here are stored first, so that nothing is missing when another attempt goes on from it. */
  checkpoint(step: number, path: string): void;
  /** Stores the rows that wait for a full segment. */
  flush(): void;
  /** Resolves when all that was said is written, or is given up because the attempt is lost. */
  written(): Promise<void>;
}

/**
 * `onLoss` is called once, when the ledger refuses a record because the attempt is fenced off or when a write fails for a minute. Nothing is written
 * after that, and bytes that no row came to name are deleted.
 */
export function openRecords(options: {
  ledger: Ledger;
  blobs: Blobs;
  log: Logger;
  jobId: string;
  attempt: number;
  /** Where the engine writes; it may hand over nothing else. */
  folder: string;
  onLoss: (loss: Loss) => void;
}): Records {
  const { ledger, blobs, log, jobId, attempt, folder } = options;
  const keys = attemptKeys(jobId, attempt);
  let rows: SeriesRow[] = [];
  let segments = 0;
  let lost = false;
  let chain = Promise.resolve();

  /** `write` returns false when the ledger says that the attempt is fenced off. */
  const enqueue = (what: string, write: () => Promise<boolean>) => {
    chain = chain.then(async () => {
      if (lost) return;
      try {
        if (await write()) return;
        lost = true;
        options.onLoss({ kind: 'fenced' });
      } catch (error) {
        lost = true;
        log.error({ err: error, what }, 'Attempt could not record what it did');
        options.onLoss({ kind: 'unrecorded', detail: `${what} could not be stored: ${(error as Error).message}` });
      }
    });
  };
  const store = async (segment: Segment): Promise<boolean> => {
    const n = segments++;
    const key = keys.segment(n);
    const bytes = await compress(JSON.stringify(segment.rows));
    await patiently(log, 'storing a segment', () => blobs.put(key, Readable.from([bytes])));
    const kept = await patiently(log, 'recording a segment', () =>
      ledger.addSegment({
        job_id: jobId,
        attempt,
        segment: n,
        first_step: segment.first_step,
        last_step: segment.last_step,
        rows: segment.rows.length,
        blob_key: key,
        created_at: Date.now(),
      }),
    );
    if (!kept) await blobs.delete(key);
    return kept;
  };
  const keepCheckpoint = async (step: number, path: string): Promise<boolean> => {
    const key = keys.checkpoint(step);
    const begun = performance.now();
    if ((await strayPath(folder, [path])) !== null) throw new Error(`the engine named ${path}, which is not its own`);
    const stored = await patiently(log, 'storing a checkpoint', () => blobs.putFile(key, path));
    const fallenOut = await patiently(log, 'recording a checkpoint', () =>
      ledger.addCheckpoint({ job_id: jobId, attempt, step, blob_key: key, ...stored, created_at: Date.now() }),
    );
    if (fallenOut === false) {
      await blobs.delete(key);
      return false;
    }
    log.debug({ step, size_bytes: stored.size_bytes, ms: Math.round(performance.now() - begun) }, 'Checkpoint stored');
    for (const row of fallenOut) await blobs.delete(row.blob_key);
    return true;
  };

  const records: Records = {
    started: (fromStep) =>
      enqueue('The start', () => patiently(log, 'recording the start', () => ledger.markStarted(jobId, attempt, fromStep))),
    warning: (warning) =>
      enqueue('A warning', () => patiently(log, 'recording a warning', () => ledger.addWarning(jobId, attempt, warning))),
    series(added) {
      for (const row of added) rows.push(row);
      if (rows.length >= SEGMENT_ROWS) records.flush();
    },
    checkpoint(step, path) {
      records.flush();
      enqueue('A checkpoint', async () => {
        try {
          return await keepCheckpoint(step, path);
        } catch (error) {
          // A full disk costs the checkpoint, not the job.
          if (!(error instanceof Problem)) throw error;
          log.warn({ err: error, step }, 'Checkpoint was not stored');
          const warning = { code: error.code, detail: `The checkpoint of step ${step} was not kept: ${error.message}` };
          return await patiently(log, 'recording a warning', () => ledger.addWarning(jobId, attempt, warning));
        }
      });
    },
    flush() {
      const cut = cutSegments(rows);
      rows = [];
      for (const segment of cut) enqueue('The series', () => store(segment));
    },
    written: () => chain,
  };
  return records;
}
