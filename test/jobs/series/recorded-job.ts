import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blobs } from '../../../src/blobs/blobs.ts';
import { openBlobs } from '../../../src/blobs/open.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { openLedger } from '../../../src/ledger/open.ts';
import { openRecords, type Records } from '../../../src/worker/records.ts';
import { claimOf, datasetSample, jobSample, modelSample } from '../../ledger/samples.ts';
import { observedLog } from '../../worker/log.ts';

export interface SeriesWorld {
  ledger: Ledger;
  blobs: Blobs;
  /** A job that no attempt has been made at yet. */
  queueJob(): Promise<string>;
  /** Begins an attempt that goes on from a step, or from the beginning, and ends the one before it. */
  attempt(jobId: string, n: number, fromStep: number | null): Promise<Records>;
  close(): Promise<void>;
}

/** A ledger and blobs in which jobs' series are recorded as their workers record them. */
export async function openSeriesWorld(): Promise<SeriesWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-series-'));
  const ledger = await openLedger({ database: { kind: 'sqlite', path: join(folder, 'ledger.db') } });
  await ledger.migrate();
  const blobs = await openBlobs({ blobsFolder: join(folder, 'blobs') });
  const [model, dataset] = [modelSample(), datasetSample()];
  await ledger.insertModel(model);
  await ledger.insertDataset(dataset);
  return {
    ledger,
    blobs,
    async queueJob() {
      const job = jobSample(model, dataset);
      await ledger.insertJob(job);
      return job.id;
    },
    async attempt(jobId, n, fromStep) {
      if (n > 1) await ledger.releaseJob(jobId, n - 1, 'engine_lost');
      await ledger.claimJob(claimOf(jobId, n));
      await ledger.markStarted(jobId, n, fromStep);
      const onLoss = (loss: unknown) => {
        throw new Error(`The attempt was lost: ${JSON.stringify(loss)}`);
      };
      return openRecords({ ledger, blobs, log: observedLog().log, jobId, attempt: n, folder, onLoss });
    },
    async close() {
      await ledger.close();
      await rm(folder, { recursive: true });
    },
  };
}
