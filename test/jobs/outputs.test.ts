import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { folderBlobs } from '../../src/blobs/folder.ts';
import { storeOutputs, withModelIds } from '../../src/jobs/outputs.ts';
import { datasetSample, jobSample, modelSample } from '../ledger/samples.ts';

it('stores the result as the first model and others beside it, and says their ids where the engine said labels', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-outputs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const blobs = folderBlobs(join(folder, 'blobs'));
  const parent = modelSample({ name: 'digits.keras' });
  const file = async (name: string) => {
    await writeFile(join(folder, name), name);
    return join(folder, name);
  };
  const outputs = [
    { role: 'model', format: 'keras', path: await file('model.keras') },
    { role: 'model', format: 'h5', path: await file('model.h5') },
    { role: 'model', format: 'keras', path: await file('other.keras'), label: 'trial-2' },
  ] as const;
  const job = jobSample(parent, datasetSample());
  const { models, artifacts, labelled } = await storeOutputs({
    job,
    attempt: 1,
    parent,
    outputs,
    blobs,
    inspectModel: async () => parent.facts,
  });
  expect(models.map(({ name }) => name)).toEqual(['digits-trained', 'digits-trained-trial-2']);
  expect(artifacts.map(({ filename }) => filename)).toEqual(['digits-trained.keras', 'digits-trained.h5', 'digits-trained-trial-2.keras']);
  const [result, other] = models;
  expect(await readFile(await blobs.localPath(result!.blob_key), 'utf8')).toBe('model.keras');
  expect(await readFile(await blobs.localPath(other!.blob_key), 'utf8')).toBe('other.keras');
  const said = { points: ['result', 'trial-2', null, 'gone'].map((model_label) => ({ kept: 0.5, model_label })), n: 1 };
  const ids = [result!.id, other!.id, null, null];
  expect(withModelIds(said, labelled)).toEqual({ points: ids.map((model_id) => ({ kept: 0.5, model_id })), n: 1 });
});
