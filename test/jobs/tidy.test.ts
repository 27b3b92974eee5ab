import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { tidy } from '../../src/jobs/tidy.ts';
import { type Finding, verify } from '../../src/jobs/verify.ts';
import { openWorld, type World } from '../ledger/fixture.ts';
import { artifactSample, checkpointSample, claimOf, datasetSample, endingOf, modelSample, segmentSample } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

const HOUR = 3_600_000;
const NEVER = new AbortController().signal;

let world: World;
let blobs: Blobs;
let folder: string;
beforeEach(async () => {
  world = await openWorld(sqliteFactory);
  world.clock.now = Date.now();
  folder = await mkdtemp(join(tmpdir(), 'espalier-tidy-'));
  blobs = await openBlobs({ blobsFolder: folder });
});
afterEach(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

const put = (key: string, text = key) => blobs.put(key, Readable.from([Buffer.from(text)]));
const keys = async () => {
  const found = [];
  for await (const { key } of blobs.list('')) found.push(key);
  return found.sort();
};
const look = async (later = 0) => {
  const findings: Finding[] = [];
  const report = (finding: Finding) => findings.push(finding);
  const sum = await verify({ ledger: world.ledger, blobs, now: Date.now() + later, stopping: NEVER, report });
  return { findings: findings.map(({ finding, blob_key }) => `${finding} ${blob_key}`), sum };
};

/** A job that has ended, one that runs with a checkpoint and a series, and their inputs: rows with the bytes that they name. */
async function stored() {
  const own = async (key: string) => ({ blob_key: key, ...(await put(key)) });
  const model = modelSample({ ...(await own('models/m/model.keras')) });
  await world.ledger.insertModel(model);
  const hash = (key: string) => createHash('sha256').update(key).digest('hex');
  const parts = { x: 'datasets/d/x', y: 'datasets/d/y', w: null, order: 'datasets/d/order' };
  for (const key of [parts.x, parts.y, parts.order]) await put(key);
  const blob_sha256 = { x: hash(parts.x), y: hash(parts.y), w: null, order: hash(parts.order) };
  const dataset = datasetSample({ blob_keys: parts, blob_sha256 });
  await world.ledger.insertDataset(dataset);
  for (const key of [world.model.blob_key, ...Object.values(world.dataset.blob_keys)]) if (key !== null) await put(key);
  const ended = await world.queueJob();
  await world.ledger.claimJob(claimOf(ended.id, 1));
  const artifact = artifactSample(ended.id, { ...(await own(`jobs/${ended.id}/1/artifacts/a`)) });
  await world.ledger.endJob(endingOf(ended.id, 1, { artifacts: [artifact] }));
  const running = await world.queueJob();
  await world.ledger.claimJob(claimOf(running.id, 1));
  const checkpoint = checkpointSample(running.id, 1, 5, { ...(await own(`jobs/${running.id}/1/checkpoints/5`)) });
  await world.ledger.addCheckpoint(checkpoint);
  const segment = segmentSample(running.id, 1, 0, { ...(await own(`jobs/${running.id}/1/series/0-9`)) });
  await world.ledger.addSegment(segment);
  return { model, dataset, ended, running, artifact, checkpoint, segment };
}

describe('tidying up', () => {
  it('says first what it would do, then does it, and then has nothing to do', async () => {
    const { model, dataset, ended, running, artifact, checkpoint } = await stored();
    await world.ledger.deleteModel('alice', model.id);
    await world.ledger.deleteModel('alice', world.model.id);
    await world.ledger.deleteDataset('alice', dataset.id);
    await world.ledger.deleteJob('alice', ended.id);
    const before = await keys();
    const run = (dryRun: boolean, now = Date.now() + HOUR + 1_000) => tidy({ ledger: world.ledger, blobs, now, stopping: NEVER, dryRun });
    expect(await run(false, Date.now())).toMatchObject({ blobs: 0 });
    // The running job reads one of the two models.
    const expected = { purged: { models: 1, datasets: 1, artifacts: 1, jobs: 1 }, checkpoints: 0, orphans: 0, blobs: 5 };
    expect(await run(true)).toMatchObject(expected);
    expect(await keys()).toEqual(before);
    expect(await run(false)).toMatchObject(expected);
    const gone = [model.blob_key, artifact.blob_key, 'datasets/d/x', 'datasets/d/y', 'datasets/d/order'];
    expect(await keys()).toEqual(before.filter((key) => !gone.includes(key)));
    expect(await run(false)).toMatchObject({ blobs: 0, purged: { models: 0 } });
    await world.ledger.endJob(endingOf(running.id, 1));
    expect(await run(false)).toMatchObject({ blobs: 2, purged: { models: 1 }, checkpoints: 1 });
    expect(await keys()).not.toContain(checkpoint.blob_key);
  });
});

describe('a verification', () => {
  it('finds nothing where everything is as it was stored, or was deleted', async () => {
    const { model } = await stored();
    await world.ledger.deleteModel('alice', world.model.id);
    await world.ledger.deleteDataset('alice', world.dataset.id);
    await blobs.delete(model.blob_key);
    const { findings, sum } = await look();
    // The sample's rows name hashes that no bytes have.
    const { x, y, order } = world.dataset.blob_keys;
    const samples = [`size ${world.model.blob_key}`, `hash ${x}`, `hash ${y}`, `hash ${order}`];
    expect(findings.sort()).toEqual([...samples, `missing ${model.blob_key}`].sort());
    expect(sum).toMatchObject({ blobs: 11, findings: 5 });
  });

  it('finds each damage that was done, and nothing else', async () => {
    const { model, artifact, checkpoint, segment } = await stored();
    const clean = (await look()).findings;
    await writeFile(join(folder, artifact.blob_key), 'x'.repeat(artifact.blob_key.length));
    await writeFile(join(folder, segment.blob_key), 'short');
    await blobs.delete(checkpoint.blob_key);
    await writeFile(join(folder, 'datasets/d/order'), 'x'.repeat('datasets/d/order'.length));
    await put('models/lost/model.keras');
    const damage = [`hash ${artifact.blob_key}`, `size ${segment.blob_key}`, `missing ${checkpoint.blob_key}`, 'hash datasets/d/order'];
    expect((await look()).findings.filter((found) => !clean.includes(found)).sort()).toEqual(damage.sort());
    const later = (await look(25 * HOUR)).findings.filter((found) => !clean.includes(found));
    expect(later.sort()).toEqual([...damage, 'orphan models/lost/model.keras'].sort());
    await tidy({ ledger: world.ledger, blobs, now: Date.now() + 25 * HOUR, stopping: NEVER });
    expect((await look(25 * HOUR)).findings).not.toContain('orphan models/lost/model.keras');
    expect(await blobs.size(model.blob_key)).not.toBeNull();
  });
});
