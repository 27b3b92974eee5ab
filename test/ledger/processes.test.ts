import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/open.ts';
import { datasetSample, jobSample, modelSample } from './samples.ts';
import { sqliteFactory } from './sqlite-factory.ts';

const run = promisify(execFile);
const contender = join(import.meta.dirname, 'contender.ts');

it('processes that migrate the same new file at once all find it ready', async () => {
  const folder = await sqliteFactory.create();
  const path = join(folder, 'ledger.db');
  const said = await Promise.all([1, 2, 3].map(() => run(process.execPath, [contender, path])));
  expect(said.map(({ stdout }) => stdout.trim())).toEqual(['[]', '[]', '[]']);
  await sqliteFactory.destroy(folder);
}, 30_000);

it('processes that want the same jobs share them without having one twice', async () => {
  const folder = await sqliteFactory.create();
  const path = join(folder, 'ledger.db');
  const ledger = await openLedger({ database: { kind: 'sqlite', path } });
  await ledger.migrate();
  const [model, dataset] = [modelSample(), datasetSample()];
  await ledger.insertModel(model);
  await ledger.insertDataset(dataset);
  const ids: string[] = [];
  for (let i = 0; i < 60; i += 1) {
    const job = jobSample(model, dataset);
    await ledger.insertJob(job);
    ids.push(job.id);
  }
  const said = await Promise.all([1, 2].map(() => run(process.execPath, [contender, path])));
  const had = said.map(({ stdout }) => JSON.parse(stdout) as string[]);
  expect(had.flat().sort()).toEqual(ids);
  expect(await ledger.counts()).toMatchObject({ queued: 0, succeeded: 60 });
  await ledger.close();
  await sqliteFactory.destroy(folder);
}, 30_000);
