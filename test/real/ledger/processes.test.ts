import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openLedger } from '../../../src/ledger/open.ts';
import type { LedgerPlace } from '../../../src/ledger/place.ts';
import { postgresFactory, postgresPlace } from '../../ledger/postgres-factory.ts';
import { datasetSample, jobSample, modelSample } from '../../ledger/samples.ts';
import { sqliteFactory } from '../../ledger/sqlite-factory.ts';

const run = promisify(execFile);
const contender = join(import.meta.dirname, '../../ledger/contender.ts');
const DATABASES = {
  SQLite: { factory: sqliteFactory, place: (folder: string): LedgerPlace => ({ kind: 'sqlite', path: join(folder, 'ledger.db') }) },
  Postgres: { factory: postgresFactory, place: (url: string): LedgerPlace => postgresPlace(url) },
};

describe.each(Object.entries(DATABASES))('processes on %s', (_, { factory, place }) => {
  const contend = (database: LedgerPlace) => run(process.execPath, [contender, JSON.stringify(database)]);

  it('that migrate the same new ledger at once all find it ready', async () => {
    const name = await factory.create();
    const said = await Promise.all([1, 2, 3].map(() => contend(place(name))));
    expect(said.map(({ stdout }) => stdout.trim())).toEqual(['[]', '[]', '[]']);
    await factory.destroy(name);
  }, 60_000);

  it('that want the same jobs share them without having one twice', async () => {
    const name = await factory.create();
    const ledger = await openLedger({ database: place(name) });
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
    const said = await Promise.all([1, 2].map(() => contend(place(name))));
    const had = said.map(({ stdout }) => JSON.parse(stdout) as string[]);
    expect(had.flat().sort()).toEqual(ids);
    expect(await ledger.counts()).toMatchObject({ queued: 0, succeeded: 60 });
    await ledger.close();
    await factory.destroy(name);
  }, 60_000);
});
