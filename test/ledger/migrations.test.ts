import { join } from 'node:path';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { expect, it, onTestFinished } from 'vitest';
import * as start from '../../src/ledger/migrations/001-start.ts';
import { storedDataset } from '../../src/ledger/rows.ts';
import { sqliteDialect } from '../../src/ledger/sqlite.ts';
import { datasetSample } from './samples.ts';
import { sqliteFactory } from './sqlite-factory.ts';

it('a data set that was stored before there were sample weights has none', async () => {
  const folder = await sqliteFactory.create();
  onTestFinished(() => sqliteFactory.destroy(folder));
  const dataset = datasetSample();
  const { blob_key_w: _, ...row } = storedDataset(dataset);
  const first = new Kysely<{ datasets: typeof row }>({ dialect: sqliteDialect(join(folder, 'ledger.db')) });
  const { error } = await new Migrator({
    db: first,
    provider: { getMigrations: async () => ({ '001-start': start }) },
  }).migrateToLatest();
  expect(error).toBeUndefined();
  await first.insertInto('datasets').values(row).execute();
  await first.destroy();

  const ledger = await sqliteFactory.open(folder, Date.now);
  await ledger.migrate();
  expect(await ledger.findDataset(dataset.tenant, dataset.id)).toEqual({ ...dataset, blob_keys: { ...dataset.blob_keys, w: null } });
  await ledger.close();
});
