import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import { attemptKeys } from '../jobs/keys.ts';
import type { Sensitivities, TriedStructure } from '../jobs/spec/index.ts';
import type { CheckpointRow, JobWarning, Ledger } from '../ledger/ledger.ts';
import { strayPath } from './containment.ts';
import type { SeriesChunk } from './frames.ts';
import type { Loss } from './outcome.ts';
import { isProblem, PATIENCE_MS, patiently } from './patiently.ts';
import { FULL_VALUES, makeSegment } from './segments.ts';
import { openSeriesRecords } from './series-records.ts';

/** What an attempt has to say while it runs, written to blobs and ledger one after the other in the order in which it was said. */
export interface Records {
  started(fromStep: number | null): void;
  warning(warning: JobWarning): void;
  /** What the model's groups bear, for later jobs. */
  sensitivity(structure: TriedStructure, measured: Sensitivities): void;
  series(chunks: readonly SeriesChunk[]): void;
  /** Takes the file over. The series up to here are stored first, so that nothing is missing when another attempt goes on from it. */
  checkpoint(step: number, path: string, best: CheckpointRow['best']): void;
  /** Stores the rows that wait for a full segment. */
  flush(): void;
  /** Nothing more will be said: stores the rows that wait, and puts small segments together. */
  settle(): void;
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
  /** Keeps what the model's groups were measured to bear. */
  onSensitivity?: (structure: TriedStructure, measured: Sensitivities) => Promise<void>;
}): Records {
  const { ledger, blobs, log, jobId, attempt, folder } = options;
  const keys = attemptKeys(jobId, attempt);
  const stored = openSeriesRecords({ ledger, blobs, log, jobId, attempt, keys });
  let waiting: SeriesChunk[] = [];
  let values = 0;
  let checkpoints = 0;
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
  /** What nobody names any more is swept up later where it does not go now: no attempt is lost for it. */
  const drop = (key: string): Promise<void> =>
    blobs.delete(key).catch((error) => log.warn({ err: error, blob_key: key }, 'Bytes of a checkpoint were not deleted'));
  const keepCheckpoint = async (step: number, path: string, best: CheckpointRow['best']): Promise<boolean> => {
    // Counted too: a step that is written again must not replace the bytes that a row still names.
    const key = keys.checkpoint(checkpoints++, step);
    const begun = performance.now();
    if ((await strayPath(folder, [path])) !== null) throw new Error(`the engine named ${path}, which is not its own`);
    const stored = await patiently(log, 'storing a checkpoint', () => blobs.putFile(key, path), PATIENCE_MS, isProblem);
    const fallenOut = await patiently(log, 'recording a checkpoint', () =>
      ledger.addCheckpoint({ job_id: jobId, attempt, step, blob_key: key, ...stored, best, created_at: Date.now() }),
    );
    if (fallenOut === false) {
      await drop(key);
      return false;
    }
    log.debug({ step, size_bytes: stored.size_bytes, ms: Math.round(performance.now() - begun) }, 'Checkpoint stored');
    for (const row of fallenOut) await drop(row.blob_key);
    return true;
  };

  const records: Records = {
    started: (fromStep) =>
      enqueue('The start', () => patiently(log, 'recording the start', () => ledger.markStarted(jobId, attempt, fromStep))),
    warning: (warning) =>
      enqueue('A warning', () => patiently(log, 'recording a warning', () => ledger.addWarning(jobId, attempt, warning))),
    sensitivity: (structure, measured) =>
      enqueue('A sensitivity', async () => {
        await patiently(log, 'keeping a sensitivity', async () => options.onSensitivity?.(structure, measured));
        return true;
      }),
    series(chunks) {
      for (const chunk of chunks) {
        waiting.push(chunk);
        values += chunk.data.length;
      }
      if (values >= FULL_VALUES) records.flush();
    },
    checkpoint(step, path, best) {
      records.flush();
      enqueue('A checkpoint', async () => {
        try {
          return await keepCheckpoint(step, path, best);
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
      const segment = makeSegment(waiting);
      if (!segment) return;
      waiting = [];
      values = 0;
      enqueue('The series', () => stored.store(segment));
    },
    settle() {
      records.flush();
      enqueue('The series', stored.settle);
    },
    written: () => chain,
  };
  return records;
}
