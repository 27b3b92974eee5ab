import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { Problem } from '../../src/errors.ts';
import { type AttemptKeys, attemptKeys } from '../../src/jobs/keys.ts';
import { SegmentFile } from '../../src/jobs/series/segment-file.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLedger } from '../../src/ledger/open.ts';
import type { SeriesChunk } from '../../src/worker/frames.ts';
import type { Loss } from '../../src/worker/outcome.ts';
import { openRecords } from '../../src/worker/records.ts';
import { FULL_VALUES } from '../../src/worker/segments.ts';
import { chunkOf, rowsOfChunks, type SeriesRow } from '../helpers/series.ts';
import { claimOf, datasetSample, jobSample, modelSample } from '../ledger/samples.ts';
import { observedLog } from './log.ts';

let folder: string;
let ledger: Ledger;
let blobs: Blobs;
let jobId: string;
let losses: Loss[];
let keys: AttemptKeys;

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
  keys = attemptKeys(jobId, 1);
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
/** Steps and their losses; a step's row has its number. */
const rows = (from: number, to: number): SeriesChunk[] => {
  const steps = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  return [
    chunkOf(
      from,
      steps.map((step): SeriesRow => ({ series: 'step', step, values: { loss: 1 / step } })),
    ),
  ];
};
/** The first and the last row of each segment. */
const bounds = async () => (await ledger.listSegments(jobId)).map(({ first_row, last_row }) => [first_row, last_row]);
const checkpointFile = async (step: number) => {
  const path = join(folder, `checkpoint-${step}`);
  await writeFile(path, `weights of ${step}`);
  return path;
};

describe('records', () => {
  it('store rows when there are many and the rest on a flush', async () => {
    const records = open();
    const many = Math.ceil(FULL_VALUES / 3);
    records.series(rows(1, 10));
    await records.written();
    expect(await bounds()).toEqual([]);
    records.series(rows(11, many));
    await records.written();
    expect(await bounds()).toEqual([[1, many]]);
    records.series(rows(200_001, 200_010));
    records.flush();
    await records.written();
    expect(await bounds()).toEqual([
      [1, many],
      [200_001, 200_010],
    ]);
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
    records.checkpoint(3, await checkpointFile(3), null);
    await records.written();
    expect(order).toEqual(['series', 'checkpoint']);
    expect(await ledger.listCheckpoints(jobId)).toMatchObject([{ attempt: 1, step: 3, size_bytes: 12, best: null }]);
  });

  it('keep the bytes of the newest two checkpoints and of the best, once a newer row is committed', async () => {
    const standing: number[][] = [];
    const sizes = () => Promise.all([1, 2, 3, 4].map(async (step) => ((await blobs.size(keys.checkpoint(step - 1, step))) ? step : 0)));
    const records = open({
      delete: async (key) => {
        standing.push((await ledger.listCheckpoints(jobId)).map(({ step }) => step));
        await blobs.delete(key);
      },
    });
    for (const step of [1, 2, 3, 4]) records.checkpoint(step, await checkpointFile(step), step === 2 ? { metric: 'm', value: 1 } : null);
    await records.written();
    expect(standing).toEqual([[3, 2]]);
    expect(await sizes()).toEqual([0, 2, 3, 4]);
    expect((await ledger.listCheckpoints(jobId)).map(({ step, best }) => [step, best])).toEqual([
      [4, null],
      [3, null],
      [2, { metric: 'm', value: 1 }],
    ]);
  });

  it('never write over the bytes that a row names, though the step is written again', async () => {
    const put: string[] = [];
    const records = open({
      putFile: (key, path) => {
        put.push(key);
        return blobs.putFile(key, path);
      },
    });
    for (const _ of [1, 2]) {
      records.checkpoint(7, await checkpointFile(7), null);
      await records.written();
    }
    expect(new Set(put).size).toBe(2);
    const [row, ...others] = await ledger.listCheckpoints(jobId);
    expect(others).toEqual([]);
    expect(row?.blob_key).toBe(put[1]);
    expect([await blobs.size(put[0]!), await blobs.size(put[1]!)]).toEqual([null, 12]);
  });

  it('report once that the attempt is fenced off, and leave no bytes that no row names', async () => {
    const records = open();
    await ledger.releaseJob(jobId, 1, 'worker_lost');
    records.series(rows(1, 3));
    records.checkpoint(3, await checkpointFile(3), null);
    records.warning({ code: 'LATE', detail: '' });
    await records.written();
    expect(losses).toEqual([{ kind: 'fenced' }]);
    expect(await blobs.size(`jobs/${jobId}/1/series/1-3`)).toBeNull();
    expect(await blobs.size(keys.checkpoint(0, 3))).toBeNull();
    expect((await ledger.loadJob(jobId))?.warnings).toEqual([]);
  });

  it('go on without a checkpoint that the storage has no room for', async () => {
    const records = open({
      putFile: async () => {
        throw new Problem('STORAGE_FULL', 'no space is left');
      },
    });
    records.checkpoint(3, await checkpointFile(3), null);
    records.series(rows(4, 5));
    records.flush();
    await records.written();
    expect(losses).toEqual([]);
    expect((await ledger.loadJob(jobId))?.warnings).toEqual([
      { code: 'STORAGE_FULL', detail: 'The checkpoint of step 3 was not kept: no space is left' },
    ]);
    expect(await ledger.listSegments(jobId)).toHaveLength(1);
  });

  it('wait for room for the series: an attempt is not lost for a disk that is full for a moment', async () => {
    let tries = 0;
    const records = open({
      put: async (key, source) => {
        tries += 1;
        if (tries < 3) throw new Problem('STORAGE_FULL', 'no space is left');
        return blobs.put(key, source);
      },
    });
    records.series(rows(1, 3));
    records.flush();
    await records.written();
    expect([losses, tries]).toEqual([[], 3]);
    expect(await ledger.listSegments(jobId)).toHaveLength(1);
  });

  it('go on when the bytes of an old checkpoint cannot be deleted', async () => {
    const records = open({
      delete: async () => {
        throw new Error('The store does not answer');
      },
    });
    for (const step of [3, 6, 9, 12]) records.checkpoint(step, await checkpointFile(step), null);
    await records.written();
    expect(losses).toEqual([]);
    expect((await ledger.listCheckpoints(jobId)).map(({ step }) => step)).toContain(12);
  });

  it('take over no checkpoint from outside the folder', async () => {
    const records = open();
    records.checkpoint(3, '/etc/passwd', null);
    await records.written();
    expect(losses).toEqual([{ kind: 'unrecorded', detail: expect.stringContaining('/etc/passwd') }]);
    expect(await ledger.listCheckpoints(jobId)).toEqual([]);
  });

  it('put small segments together, so that a long series has few, none lost and none twice, and leave no bytes behind', async () => {
    const records = open();
    const many = 40;
    for (let row = 0; row < many; row++) {
      records.series([
        chunkOf(row, [{ series: row % 7 === 0 ? 'epoch' : 'step', step: row, values: row % 7 === 0 ? { val_loss: row } : { loss: row } }]),
      ]);
      records.flush();
    }
    await records.written();
    const read = async () => {
      const files: SeriesRow[][] = [];
      for (const { blob_key } of await ledger.listSegments(jobId)) {
        const file = await SegmentFile.open(await buffer(await blobs.read(blob_key)));
        files.push(rowsOfChunks(await Promise.all(file.chunks.map((chunk) => file.rows(chunk, () => true)))));
      }
      return files;
    };
    const files = await read();
    expect(files.map(({ length }) => length)).toEqual([16, 16, ...Array(8).fill(1)]);
    expect(files.flat().map(({ step }) => step)).toEqual(Array.from({ length: many }, (_, row) => row));
    expect(files.flat()[14]).toEqual({ series: 'epoch', step: 14, values: { val_loss: 14 } });
    const stored = await readdir(join(folder, 'blobs', 'jobs', jobId, '1', 'series'));
    expect(stored).toHaveLength(files.length);

    records.settle();
    await records.written();
    expect(await bounds()).toEqual([[0, many - 1]]);
    expect((await ledger.listSegments(jobId))[0]!.series.toSorted()).toEqual(['epoch', 'step']);
    expect((await read()).flat()).toEqual(files.flat());
  });

  it('leave segments as they are where the storage has no room to put them together', async () => {
    const records = open({
      put: async (key, source) => {
        if (key.endsWith('series/0-15')) throw new Problem('STORAGE_FULL', 'no space is left');
        return blobs.put(key, source);
      },
    });
    for (let row = 0; row < 17; row++) {
      records.series(rows(row, row));
      records.flush();
    }
    await records.written();
    expect(losses).toEqual([]);
    expect(await bounds()).toEqual(Array.from({ length: 17 }, (_, row) => [row, row]));
  });

  it('report that the attempt is fenced off when segments were to be put together, and leave those that are there', async () => {
    const records = open();
    for (let row = 0; row < 3; row++) {
      records.series(rows(row, row));
      records.flush();
    }
    await records.written();
    await ledger.releaseJob(jobId, 1, 'worker_lost');
    records.settle();
    await records.written();
    expect(losses).toEqual([{ kind: 'fenced' }]);
    expect(await bounds()).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
    expect(await blobs.size(`jobs/${jobId}/1/series/0-2`)).toBeNull();
  });
});
