import { type Database, ENDED, type Executor } from '../database.ts';
import type { Ledger, Perishable, Time, Unneeded } from '../ledger.ts';
import { goneBy } from '../retention.ts';
import { neededIds } from './inputs.ts';

/** What lets go of its bytes, some time after it was deleted or has expired. Rows stay: ids are never used again, and lineage names them. */
export function purgeQueries({ db, now }: Database): Pick<Ledger, 'listUnneeded' | 'markPurged'> {
  return {
    async listUnneeded(kind, before, { limit, after }) {
      return unneeded(db, kind, before, { limit, after });
    },

    async markPurged(kind, id, before) {
      return db.transaction().execute(async (transaction) => {
        const [row] = await unneeded(transaction, kind, before, { limit: 1, id });
        if (!row) return null;
        const { numUpdatedRows } = await transaction
          .updateTable(kind)
          .set({ purged_at: now() })
          .where('id', '=', id)
          .where('purged_at', 'is', null)
          .executeTakeFirst();
        // Another has marked it since it was looked at: its bytes are that one's to delete.
        if (numUpdatedRows !== 1n) return null;
        if (kind === 'models') await transaction.deleteFrom('sensitivities').where('model_id', '=', id).execute();
        if (kind === 'jobs') await transaction.deleteFrom('segments').where('job_id', '=', id).execute();
        return row.blob_keys;
      });
    },
  };
}

/** The rows that may let go, or the one of this id where it may. */
async function unneeded(
  executor: Executor,
  kind: Perishable,
  before: Time,
  { limit, after, id }: { limit: number; after?: string | undefined; id?: string },
): Promise<Unneeded[]> {
  const bounds = { before, limit, after, id };
  switch (kind) {
    case 'models': {
      const rows = await candidates(executor, 'models', bounds).select('blob_key').execute();
      return rows.map((row) => ({ id: row.id, blob_keys: [row.blob_key] }));
    }
    case 'artifacts': {
      const rows = await candidates(executor, 'artifacts', bounds).select('blob_key').execute();
      return rows.map((row) => ({ id: row.id, blob_keys: [row.blob_key] }));
    }
    case 'datasets': {
      const rows = await candidates(executor, 'datasets', bounds)
        .select(['blob_key_x', 'blob_key_y', 'blob_key_w', 'blob_key_order'])
        .execute();
      return rows.map(({ id: own, ...keys }) => ({ id: own, blob_keys: Object.values(keys).filter((key) => key !== null) }));
    }
    case 'jobs': {
      const rows = await candidates(executor, 'jobs', bounds).where('status', 'in', ENDED).execute();
      if (rows.length === 0) return [];
      const segments = await executor
        .selectFrom('segments')
        .select(['job_id', 'blob_key'])
        .where(
          'job_id',
          'in',
          rows.map((row) => row.id),
        )
        .execute();
      return rows.map((row) => ({
        id: row.id,
        blob_keys: segments.filter(({ job_id }) => job_id === row.id).map(({ blob_key }) => blob_key),
      }));
    }
  }
}

function candidates<Kind extends Perishable>(
  executor: Executor,
  kind: Kind,
  { before, limit, after, id }: { before: Time; limit: number; after?: string | undefined; id?: string | undefined },
) {
  const table: Perishable = kind;
  return executor
    .selectFrom(table)
    .select('id')
    .where('purged_at', 'is', null)
    .where(goneBy(table, before))
    .where(table === 'artifacts' ? 'job_id' : 'id', 'not in', neededIds(executor, table === 'artifacts' ? 'jobs' : table))
    .$if(after !== undefined, (query) => query.where('id', '>', after as string))
    .$if(id !== undefined, (query) => query.where('id', '=', id as string))
    .orderBy('id')
    .limit(limit);
}
