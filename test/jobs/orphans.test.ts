import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { sweepOrphans } from '../../src/jobs/orphans.ts';
import { openWorld, type World } from '../ledger/fixture.ts';
import { checkpointSample, claimOf, endingOf } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

const DAY_MS = 24 * 3600 * 1000;
const NEVER = new AbortController().signal;

let world: World;
let blobs: Blobs;
let folder: string;
beforeEach(async () => {
  world = await openWorld(sqliteFactory);
  folder = await mkdtemp(join(tmpdir(), 'espalier-orphans-'));
  blobs = await openBlobs({ blobsFolder: folder });
});
afterEach(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

const put = async (...keys: string[]) => {
  for (const key of keys) await blobs.put(key, Readable.from([Buffer.from('x')]));
};
const keys = async () => {
  const found = [];
  for await (const { key } of blobs.list('')) found.push(key);
  return found.sort();
};
const sweep = (options: { later?: number; stopping?: AbortSignal } = {}) =>
  sweepOrphans({ ledger: world.ledger, blobs, now: Date.now() + (options.later ?? DAY_MS + 1_000), stopping: options.stopping ?? NEVER });

describe('a sweep of bytes that no row names', () => {
  it('spares what a row names, and what is not of the service', async () => {
    const { id } = await world.queueJob();
    await world.ledger.claimJob(claimOf(id, 1));
    const checkpoint = checkpointSample(id, 1, 10);
    await world.ledger.addCheckpoint(checkpoint);
    await world.ledger.requestPause('alice', id);
    await world.ledger.pauseJob(id, 1, 1);
    const { x, y, order } = world.dataset.blob_keys;
    const named = [checkpoint.blob_key, world.model.blob_key, x, y as string, order];
    await put(...named, 'models/m/lost', 'datasets/d/lost', `jobs/${id}/1/checkpoints/lost`, 'notes/of/somebody');
    expect(await sweep()).toBe(3);
    expect(await keys()).toEqual([...named, 'notes/of/somebody'].sort());
    expect(await sweep()).toBe(0);
  });

  it('spares what is younger than a day', async () => {
    await put('models/m/just-now');
    expect(await sweep({ later: DAY_MS - 60_000 })).toBe(0);
    expect(await keys()).toEqual(['models/m/just-now']);
  });

  it('spares what the attempt that holds a job has written, until it ends', async () => {
    const { id } = await world.queueJob();
    await world.ledger.claimJob(claimOf(id, 1));
    await world.ledger.releaseJob(id, 1, 'worker_lost');
    await world.ledger.claimJob(claimOf(id, 2));
    await put(`jobs/${id}/1/artifacts/lost`, `jobs/${id}/2/artifacts/not-yet-named`);
    expect(await sweep()).toBe(1);
    expect(await keys()).toEqual([`jobs/${id}/2/artifacts/not-yet-named`]);
    await world.ledger.endJob(endingOf(id, 2));
    expect(await sweep()).toBe(1);
    expect(await keys()).toEqual([]);
  });

  it('goes through more keys than the ledger is asked about at once', async () => {
    await put(...Array.from({ length: 401 }, (_, index) => `models/m/${index}`), world.model.blob_key);
    expect(await sweep()).toBe(401);
    expect(await keys()).toEqual([world.model.blob_key]);
  });

  it('ends when it is told to', async () => {
    await put('models/m/lost');
    expect(await sweep({ stopping: AbortSignal.abort() })).toBe(0);
    expect(await keys()).toEqual(['models/m/lost']);
  });
});
