import type { Database, Executor } from '../database.ts';
import type { DatasetRow, Ledger } from '../ledger.ts';
import { expiryOf, lives } from '../retention.ts';
import { datasetRow, storedDataset } from '../rows.ts';
import { recordChange } from './audit.ts';
import { settleKey } from './idempotency.ts';
import { asPage } from './page.ts';
import { holdStorage } from './storage.ts';
import { consumeUploads } from './uploads.ts';

/** Data sets of a tenant: inserted after their bytes, marked when deleted. */
export function datasetQueries(database: Database): Pick<Ledger, 'insertDataset' | 'findDataset' | 'listDatasets' | 'deleteDataset'> {
  const { db, now } = database;
  return {
    async insertDataset(row, claim, uploads = []) {
      return db.transaction().execute(async (transaction) => {
        await consumeUploads(transaction, row.tenant, uploads);
        await holdStorage(transaction, database, row.tenant, row.size_bytes);
        const stored = await addDataset(transaction, database, row);
        if (claim) await settleKey(transaction, row.tenant, claim, row);
        return stored;
      });
    },

    async findDataset(tenant, id) {
      const stored = await db.selectFrom('datasets').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
      return stored ? datasetRow(stored) : null;
    },

    async listDatasets(tenant, { limit, after }) {
      const rows = await db
        .selectFrom('datasets')
        .selectAll()
        .where('tenant', '=', tenant)
        .where(lives('datasets', now()))
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows.map(datasetRow), limit);
    },

    async deleteDataset(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('datasets')
          .set({ deleted_at: now() })
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where(lives('datasets', now()))
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await recordChange(transaction, database, { action: 'dataset.delete', tenant, id });
        return true;
      });
    },
  };
}

/** Inserts the row, which expires when the configuration says so; as it was stored. */
export async function addDataset(executor: Executor, database: Database, row: DatasetRow): Promise<DatasetRow> {
  const stored = { ...row, expires_at: row.expires_at ?? expiryOf(row.created_at, database.retention.datasets) };
  await executor.insertInto('datasets').values(storedDataset(stored)).execute();
  await recordChange(executor, database, { action: 'dataset.create', tenant: row.tenant, id: row.id });
  return stored;
}
