import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { Problem } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLedger } from '../../src/ledger/open.ts';
import type { SeriesRow } from '../../src/worker/frames.ts';
import type { Loss } from '../../src/worker/outcome.ts';
import { openRecords } from '../../src/worker/records.ts';
import { claimOf, datasetSample, jobSample, modelSample } from '../ledger/samples.ts';
import { observedLog } from './log.ts';

let folder: string;
let ledger: Ledger;
let blobs: Blobs;
let jobId: string;
let losses: Loss[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-records-'));
  ledger = await openLedger({ database: { kind: 'sqlite', path: join(folder, 'ledger.db') } });
  await ledger.migrate();
  blobs = await openBlobs({ blobsFolder: join(folder, 'blobs') });
  const [model, dataset] = [modelSample(), datasetSample()];
  await ledger.insertModel(model);
  await ledger.insertDataset(dataset);
  const job = jobSample(model, dataset);
  jobId = job.id;
  await ledger.insertJob(job);
  await ledger.claimJob(claimOf(jobId, 1));
  losses = [];
});
afterEach(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

const open = (changed: Partial<Blobs> = {}) =>
  openRecords({
    ledger,
    blobs: { ...blobs, ...changed },
    log: observedLog().log,
    jobId,
    attempt: 1,
    folder,
    onLoss: (loss) => losses.push(loss),
  });
const rows = (from: number, to: number): SeriesRow[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ series: 'step', step: from + index, values: { loss: 1 } }));
const checkpointFile = async (step: number) => {
  const path = join(folder, `checkpoint-${step}`);
  await writeFile(path, `weights of ${step}`);
  return path;
};

describe('records', () => {
  it('store full segments at once and the rest on a flush', async () => {
    const records = open();
    records.series(rows(1, 2_500));
    await records.written();
    expect((await ledger.listSegments(jobId)).map(({ segment, first_step, last_step }) => [segment, first_step, last_step])).toEqual([
      [0, 1, 2_000],
      [1, 2_001, 2_500],
    ]);
    records.series(rows(2_501, 2_510));
    await records.written();
    expect(await ledger.listSegments(jobId)).toHaveLength(2);
    records.flush();
    await records.written();
    expect((await ledger.listSegments(jobId)).at(-1)).toMatchObject({ segment: 2, rows: 10 });
  });

  it('store the series before the checkpoint that stands after it', async () => {
    const order: string[] = [];
    const records = open({
      put: (key, source) => {
        order.push('series');
        return blobs.put(key, source);
      },
      putFile: (key, path) => {
        order.push('checkpoint');
        return blobs.putFile(key, path);
      },
    });
    records.series(rows(1, 3));
    records.checkpoint(3, await checkpointFile(3));
    await records.written();
    expect(order).toEqual(['series', 'checkpoint']);
    expect(await ledger.newestCheckpoint(jobId)).toMatchObject({ attempt: 1, step: 3, size_bytes: 12 });
  });

  it('keep the bytes of the newest two checkpoints', async () => {
    const records = open();
    for (const step of [1, 2, 3]) records.checkpoint(step, await checkpointFile(step));
    await records.written();
    const sizes = await Promise.all([1, 2, 3].map((step) => blobs.size(`jobs/${jobId}/1/checkpoints/${step}`)));
    expect(sizes).toEqual([null, 12, 12]);
  });

  it('report once that the attempt is fenced off, and leave no bytes that no row names', async () => {
    const records = open();
    await ledger.releaseJob(jobId, 1, 'worker_lost');
    records.series(rows(1, 3));
    records.checkpoint(3, await checkpointFile(3));
    records.warning({ code: 'LATE', detail: '' });
    await records.written();
    expect(losses).toEqual([{ kind: 'fenced' }]);
    expect(await blobs.size(`jobs/${jobId}/1/series/0.json.gz`)).toBeNull();
    expect(await blobs.size(`jobs/${jobId}/1/checkpoints/3`)).toBeNull();
    expect((await ledger.loadJob(jobId))?.warnings).toEqual([]);
  });

  it('go on without a checkpoint that the storage has no room for', async () => {
    const records = open({
      putFile: async () => {
        throw new Problem('STORAGE_FULL', 'no space is left');
      },
    });
    records.checkpoint(3, await checkpointFile(3));
    records.series(rows(4, 5));
    records.flush();
    await records.written();
    expect(losses).toEqual([]);
    expect((await ledger.loadJob(jobId))?.warnings).toEqual([
      { code: 'STORAGE_FULL', detail: 'The checkpoint of step 3 was not kept: no space is left' },
    ]);
    expect(await ledger.listSegments(jobId)).toHaveLength(1);
  });

  it('take over no checkpoint from outside the folder', async () => {
    const records = open();
    records.checkpoint(3, '/etc/passwd');
    await records.written();
    expect(losses).toEqual([{ kind: 'unrecorded', detail: expect.stringContaining('/etc/passwd') }]);
    expect(await ledger.newestCheckpoint(jobId)).toBeNull();
  });
});
