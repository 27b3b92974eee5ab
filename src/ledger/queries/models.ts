import type { Database, Executor } from '../database.ts';
import type { Ledger, ModelRow } from '../ledger.ts';
import { expiryOf, lives } from '../retention.ts';
import { modelRow, storedModel } from '../rows.ts';
import { recordChange } from './audit.ts';
import { settleKey } from './idempotency.ts';
import { asPage } from './page.ts';
import { holdStorage } from './storage.ts';
import { consumeUploads } from './uploads.ts';

/** Models of a tenant: inserted after their bytes, marked when deleted. */
export function modelQueries(database: Database): Pick<Ledger, 'insertModel' | 'findModel' | 'listModels' | 'deleteModel'> {
  const { db, now } = database;
  return {
    async insertModel(row, claim, uploads = []) {
      return db.transaction().execute(async (transaction) => {
        await consumeUploads(transaction, row.tenant, uploads);
        await holdStorage(transaction, database, row.tenant, row.size_bytes);
        const stored = await addModel(transaction, database, row);
        if (claim) await settleKey(transaction, row.tenant, claim, row);
        return stored;
      });
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
      return db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('models')
          .set({ deleted_at: now() })
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where(lives('models', now()))
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await recordChange(transaction, database, { action: 'model.delete', tenant, id });
        return true;
      });
    },
  };
}

/** Inserts the row, which expires when the configuration says so; as it was stored. */
export async function addModel(executor: Executor, database: Database, row: ModelRow): Promise<ModelRow> {
  const stored = { ...row, expires_at: row.expires_at ?? expiryOf(row.created_at, database.retention.models) };
  await executor.insertInto('models').values(storedModel(stored)).execute();
  await recordChange(executor, database, { action: 'model.create', tenant: row.tenant, id: row.id });
  return stored;
}
