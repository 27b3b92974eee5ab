import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { datasetRow, storedDataset } from '../rows.ts';
import { isUsed } from './inputs.ts';
import { asPage } from './page.ts';

/** Data sets of a tenant: inserted after their bytes, marked when deleted. */
export function datasetQueries({ db, now }: Database): Pick<Ledger, 'insertDataset' | 'findDataset' | 'listDatasets' | 'deleteDataset'> {
  return {
    async insertDataset(row) {
      await db.insertInto('datasets').values(storedDataset(row)).execute();
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
        .where('deleted_at', 'is', null)
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows.map(datasetRow), limit);
    },

    async deleteDataset(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('datasets')
          .set({ deleted_at: now() })
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('deleted_at', 'is', null)
          .execute();
        if (!(await isUsed(transaction, 'dataset_id', id))) return true;
        await transaction.updateTable('datasets').set({ deleted_at: null }).where('id', '=', id).where('tenant', '=', tenant).execute();
        return false;
      });
    },
  };
}
