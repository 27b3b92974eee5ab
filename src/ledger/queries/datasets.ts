import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { expiryOf, lives } from '../retention.ts';
import { datasetRow, storedDataset } from '../rows.ts';
import { asPage } from './page.ts';

/** Data sets of a tenant: inserted after their bytes, marked when deleted. */
export function datasetQueries({
  db,
  now,
  retention,
}: Database): Pick<Ledger, 'insertDataset' | 'findDataset' | 'listDatasets' | 'deleteDataset'> {
  return {
    async insertDataset(row) {
      const stored = { ...row, expires_at: row.expires_at ?? expiryOf(row.created_at, retention.datasets) };
      await db.insertInto('datasets').values(storedDataset(stored)).execute();
      return stored;
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
      const { numUpdatedRows } = await db
        .updateTable('datasets')
        .set({ deleted_at: now() })
        .where('id', '=', id)
        .where('tenant', '=', tenant)
        .where(lives('datasets', now()))
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
  };
}
