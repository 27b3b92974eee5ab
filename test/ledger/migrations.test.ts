import { join } from 'node:path';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { expect, it, onTestFinished } from 'vitest';
import type { DatasetRow } from '../../src/ledger/ledger.ts';
import * as start from '../../src/ledger/migrations/001-start.ts';
import { storedDataset } from '../../src/ledger/rows.ts';
import { sqliteDialect } from '../../src/ledger/sqlite.ts';
import { datasetSample } from './samples.ts';
import { sqliteFactory } from './sqlite-factory.ts';

it('a data set that was stored before there were sample weights and hashes has none, and one deleted then no bytes', async () => {
  const folder = await sqliteFactory.create();
  onTestFinished(() => sqliteFactory.destroy(folder));
  const dataset = datasetSample();
  const asThen = (given: DatasetRow) => {
    const { blob_key_w: _, blob_sha256: __, purged_at: ___, x_start: ____, ...row } = storedDataset(given);
    return row;
  };
  const deleted = datasetSample({ deleted_at: 5 });
  const row = asThen(dataset);
  const first = new Kysely<{ datasets: typeof row }>({ dialect: sqliteDialect(join(folder, 'ledger.db')) });
  const { error } = await new Migrator({
    db: first,
    provider: { getMigrations: async () => ({ '001-start': start }) },
  }).migrateToLatest();
  expect(error).toBeUndefined();
  await first
    .insertInto('datasets')
    .values([row, asThen(deleted)])
    .execute();
  await first.destroy();

  const ledger = await sqliteFactory.open(folder, Date.now);
  await ledger.migrate();
  expect(await ledger.findDataset(dataset.tenant, dataset.id)).toEqual({ ...dataset, blob_sha256: null });
  // Bytes went with the row then.
  const keys = [dataset.blob_keys.x, deleted.blob_keys.x];
  expect(await ledger.unnamedBlobs(keys)).toEqual([deleted.blob_keys.x]);
  expect(await ledger.listUnneeded('datasets', 10, { limit: 10 })).toEqual([]);
  await ledger.close();
});
