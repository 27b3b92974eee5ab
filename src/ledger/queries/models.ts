import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { modelRow, storedModel } from '../rows.ts';
import { isUsed } from './inputs.ts';
import { asPage } from './page.ts';

/** Models of a tenant: inserted after their bytes, marked when deleted. */
export function modelQueries({ db, now }: Database): Pick<Ledger, 'insertModel' | 'findModel' | 'listModels' | 'deleteModel'> {
  return {
    async insertModel(row) {
      await db.insertInto('models').values(storedModel(row)).execute();
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
        .where('deleted_at', 'is', null)
        .$if(after !== undefined, (query) => query.where('id', '<', after as string))
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute();
      return asPage(rows.map(modelRow), limit);
    },

    async deleteModel(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        // Marking first takes the row, so that a job inserted meanwhile waits and then finds it deleted.
        await transaction
          .updateTable('models')
          .set({ deleted_at: now() })
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('deleted_at', 'is', null)
          .execute();
        if (!(await isUsed(transaction, 'model_id', id))) {
          const gone = transaction.selectFrom('models').select('id').where('id', '=', id).where('tenant', '=', tenant);
          await transaction.deleteFrom('sensitivities').where('model_id', 'in', gone).execute();
          return true;
        }
        await transaction.updateTable('models').set({ deleted_at: null }).where('id', '=', id).where('tenant', '=', tenant).execute();
        return false;
      });
    },
  };
}
