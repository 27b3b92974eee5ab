import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { folderBlobs } from '../../src/blobs/folder.ts';
import { gatherMaterials } from '../../src/worker/materials.ts';
import { openWorld } from '../ledger/fixture.ts';
import { artifactSample, claimOf, datasetSample, endingOf, jobSample, modelSample, pruneSpec } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

it('finds the files of a data set, sample weights where it has them, and of a teacher', async () => {
  const world = await openWorld(sqliteFactory);
  const root = await mkdtemp(join(tmpdir(), 'espalier-blobs-'));
  onTestFinished(async () => {
    await world.close();
    await rm(root, { recursive: true });
  });
  const blobs = folderBlobs(root);
  const put = (key: string) => blobs.put(key, Readable.from([Buffer.from(key)]));
  await put(world.model.blob_key);
  const teacher = modelSample();
  await put(teacher.blob_key);
  await world.ledger.insertModel(teacher);
  for (const weighed of [true, false]) {
    const dataset = datasetSample();
    const { x, y, order } = dataset.blob_keys;
    dataset.blob_keys.w = weighed ? `datasets/${dataset.id}/w` : null;
    for (const key of [x, y, order, dataset.blob_keys.w]) if (key !== null) await put(key);
    await world.ledger.insertDataset(dataset);
    const job = jobSample(world.model, dataset);
    if (job.spec.type !== 'train') throw new Error('The sample is a train job');
    job.spec.training.distillation = { teacher_model_id: teacher.id, temperature: 4, weight: 0.9, features: [] };
    await world.ledger.insertJob(job);

    const { dataset: found, furtherModels } = await gatherMaterials(job, world.ledger, blobs, root);
    expect(await text(createReadStream(furtherModels[teacher.id]!))).toBe(teacher.blob_key);
    const { files } = found;
    expect(await text(createReadStream(files.x))).toBe(x);
    if (weighed) expect(await text(createReadStream(files.w!))).toBe(dataset.blob_keys.w);
    else expect(files.w).toBeNull();
  }
});

it('finds what a job reads, deleted since or not', async () => {
  const world = await openWorld(sqliteFactory);
  const root = await mkdtemp(join(tmpdir(), 'espalier-blobs-'));
  onTestFinished(async () => {
    await world.close();
    await rm(root, { recursive: true });
  });
  const blobs = folderBlobs(root);
  const { x, y, order } = world.dataset.blob_keys;
  const planner = await world.queueJob();
  await world.ledger.claimJob(claimOf(planner.id, 1));
  const plan = artifactSample(planner.id, { role: 'plan', format: 'json' });
  await world.ledger.endJob(endingOf(planner.id, 1, { artifacts: [plan] }));
  for (const key of [world.model.blob_key, x, y, order, plan.blob_key]) await blobs.put(key!, Readable.from([Buffer.from(key!)]));
  const spec = pruneSpec(world.model.id, world.dataset.id);
  spec.pruning.plan = { job_id: planner.id };
  const job = jobSample(world.model, world.dataset, { spec });
  await world.ledger.insertJob(job);

  const { planPath } = await gatherMaterials(job, world.ledger, blobs, root);
  expect(await text(createReadStream(planPath!))).toBe(plan.blob_key);
  await world.ledger.deleteJob('alice', planner.id);
  await world.ledger.deleteModel('alice', world.model.id);
  await world.ledger.deleteDataset('alice', world.dataset.id);
  const found = await gatherMaterials(job, world.ledger, blobs, root);
  expect([found.planPath, found.model.id]).toEqual([planPath, world.model.id]);
});
