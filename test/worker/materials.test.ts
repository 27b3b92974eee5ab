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
import { datasetSample, jobSample } from '../ledger/samples.ts';
import { sqliteFactory } from '../ledger/sqlite-factory.ts';

it('finds the files of a data set, sample weights where it has them', async () => {
  const world = await openWorld(sqliteFactory);
  const root = await mkdtemp(join(tmpdir(), 'espalier-blobs-'));
  onTestFinished(async () => {
    await world.close();
    await rm(root, { recursive: true });
  });
  const blobs = folderBlobs(root);
  const put = (key: string) => blobs.put(key, Readable.from([Buffer.from(key)]));
  await put(world.model.blob_key);
  for (const weighed of [true, false]) {
    const dataset = datasetSample();
    const { x, y, order } = dataset.blob_keys;
    dataset.blob_keys.w = weighed ? `datasets/${dataset.id}/w` : null;
    for (const key of [x, y, order, dataset.blob_keys.w]) if (key !== null) await put(key);
    await world.ledger.insertDataset(dataset);
    const job = jobSample(world.model, dataset);
    await world.ledger.insertJob(job);

    const { files } = (await gatherMaterials(job, world.ledger, blobs)).dataset;
    expect(await text(createReadStream(files.x))).toBe(x);
    if (weighed) expect(await text(createReadStream(files.w!))).toBe(dataset.blob_keys.w);
    else expect(files.w).toBeNull();
  }
});
