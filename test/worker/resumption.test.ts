import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import type { JobRow } from '../../src/ledger/ledger.ts';
import { gatherMaterials } from '../../src/worker/materials.ts';
import { resumptionWarnings } from '../../src/worker/resumption.ts';
import { openWorld, type World } from '../ledger/fixture.ts';
import { checkpointSample, claimOf } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

let world: World;
let folder: string;
let blobs: Blobs;
let job: JobRow;
beforeEach(async () => {
  world = await openWorld(sqliteFactory);
  folder = await mkdtemp(join(tmpdir(), 'espalier-resumption-'));
  blobs = await openBlobs({ blobsFolder: folder });
  const { x, y, order } = world.dataset.blob_keys;
  for (const key of [world.model.blob_key, x, y as string, order]) await put(key);
  job = await world.queueJob();
  await world.ledger.claimJob(claimOf(job.id, 1));
});
afterEach(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

const put = (key: string, content = key) => blobs.put(key, Readable.from([Buffer.from(content)]));

/** Stores checkpoints of these steps, of which some are the best so far; then some are damaged or deleted. */
async function store(
  steps: number[],
  { best = [], damaged = [], deleted = [] }: Partial<Record<'best' | 'damaged' | 'deleted', number[]>>,
) {
  for (const step of steps) {
    const row = checkpointSample(job.id, 1, step, { best: best.includes(step) ? { metric: 'val_loss', value: 1 / step } : null });
    const stored = await put(row.blob_key);
    await world.ledger.addCheckpoint({ ...row, ...stored });
    if (damaged.includes(step)) await put(row.blob_key, 'damaged');
    if (deleted.includes(step)) await blobs.delete(row.blob_key);
  }
  const { resume, damaged: found } = await gatherMaterials(job, world.ledger, blobs, folder);
  return { resume: resume?.step ?? null, damaged: found.map(({ step }) => step) };
}

describe('what an attempt goes on from', () => {
  it('is nothing before the first checkpoint', async () => {
    expect(await store([], {})).toEqual({ resume: null, damaged: [] });
  });

  it('is the newest checkpoint', async () => {
    expect(await store([10, 20, 30, 40], { best: [10, 20] })).toEqual({ resume: 40, damaged: [] });
  });

  it('is the one before where the newest is damaged or missing', async () => {
    expect(await store([10, 20, 30], { best: [10], damaged: [30] })).toEqual({ resume: 20, damaged: [30] });
    // Only the newest two and the best are kept.
    expect(await store([40], { deleted: [40] })).toEqual({ resume: 10, damaged: [40, 30] });
  });

  it('is the best one where only that is whole', async () => {
    expect(await store([10, 20, 30], { best: [10], damaged: [20, 30] })).toEqual({ resume: 10, damaged: [30, 20] });
  });

  it('is the beginning where all are damaged', async () => {
    expect(await store([10, 20], { best: [10], damaged: [10, 20] })).toEqual({ resume: null, damaged: [20, 10] });
  });
});

describe('what the caller is told of it', () => {
  const circumstances = { device: 'cpu', threads: 2, tensorflow_version: '2.21.0', code_version: '0.1.0' };
  const resume = { step: 20, path: '/20' };
  const details = (found: Partial<Parameters<typeof resumptionWarnings>[3]>, now = circumstances) =>
    resumptionWarnings(3, circumstances, now, { resume: null, damaged: [], ...found }).map(({ detail }) => detail);

  it('is nothing where all is well', () => expect(details({ resume })).toEqual([]));

  it('is which checkpoint was damaged, and where the attempt goes on', () => {
    const damaged = [checkpointSample('job', 1, 30)];
    expect(details({ resume, damaged })).toEqual(['The checkpoint of step 30 is missing or damaged; attempt 3 goes on from step 20']);
    expect(details({ damaged })).toEqual(['The checkpoint of step 30 is missing or damaged; attempt 3 starts over']);
  });

  it('is that a resumed attempt computes otherwise than the first', () => {
    expect(details({ resume }, { ...circumstances, threads: 4 })).toEqual([expect.stringContaining('4 cpu threads')]);
    expect(details({}, { ...circumstances, threads: 4 })).toEqual([]);
  });
});
