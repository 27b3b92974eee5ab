import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { expiryOf, lives } from '../retention.ts';
import { modelRow, storedModel } from '../rows.ts';
import { asPage } from './page.ts';

/** Models of a tenant: inserted after their bytes, marked when deleted. */
export function modelQueries({ db, now, retention }: Database): Pick<Ledger, 'insertModel' | 'findModel' | 'listModels' | 'deleteModel'> {
  return {
    async insertModel(row) {
      const stored = { ...row, expires_at: row.expires_at ?? expiryOf(row.created_at, retention.models) };
      await db.insertInto('models').values(storedModel(stored)).execute();
      return stored;
    },

    async findModel(tenant, id) {
      const stored = await db.selectFrom('models').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
      return stored ? modelRow(stored) : null;
    },

    async listModels(tenant, { limit, after }) {
      const rows = await db
        .selectFrom('models')
        .selectAll()
        .where('tenant', '=', tenant)
        .where(lives('models', now()))
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows.map(modelRow), limit);
    },

    async deleteModel(tenant, id) {
      const { numUpdatedRows } = await db
        .updateTable('models')
        .set({ deleted_at: now() })
        .where('id', '=', id)
        .where('tenant', '=', tenant)
        .where(lives('models', now()))
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
  };
}
