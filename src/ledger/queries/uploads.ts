import { Problem } from '../../errors.ts';
import type { Database, Executor } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { recordChange } from './audit.ts';
import { settleKey } from './idempotency.ts';
import { holdStorage } from './storage.ts';

type UploadQueries = Pick<
  Ledger,
  'insertUpload' | 'findUpload' | 'addUploadPiece' | 'listUploadPieces' | 'deleteUpload' | 'takeExpiredUploads'
>;

/** Uploads that come in several requests: each piece once, in order, until a model or a data set is made of them, or they expire. */
export function uploadQueries(database: Database): UploadQueries {
  const { db, now } = database;
  return {
    async insertUpload(row, claim) {
      await db.transaction().execute(async (transaction) => {
        await holdStorage(transaction, database, row.tenant, row.length);
        await transaction.insertInto('uploads').values(row).execute();
        if (claim) await settleKey(transaction, row.tenant, claim, row);
        await recordChange(transaction, database, { action: 'upload.create', tenant: row.tenant, id: row.id });
      });
    },

    async findUpload(tenant, id) {
      const row = await db
        .selectFrom('uploads')
        .selectAll()
        .where('id', '=', id)
        .where('tenant', '=', tenant)
        .where('expires_at', '>', now())
        .executeTakeFirst();
      return row ?? null;
    },

    async addUploadPiece(tenant, piece, expires_at) {
      return db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('uploads')
          .set({ received: piece.start + piece.size_bytes, expires_at })
          .where('id', '=', piece.upload_id)
          .where('tenant', '=', tenant)
          .where('received', '=', piece.start)
          .where('length', '>=', piece.start + piece.size_bytes)
          .where('expires_at', '>', now())
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await transaction.insertInto('upload_pieces').values(piece).execute();
        return true;
      });
    },

    async listUploadPieces(id) {
      return db.selectFrom('upload_pieces').selectAll().where('upload_id', '=', id).orderBy('start').execute();
    },

    async deleteUpload(tenant, id) {
      return db.transaction().execute(async (transaction) => {
        const keys = await deleteUploads(transaction, { tenant, ids: [id] });
        if (keys === null) return null;
        await recordChange(transaction, database, { action: 'upload.delete', tenant, id });
        return keys;
      });
    },

    async takeExpiredUploads(limit) {
      return db.transaction().execute(async (transaction) => {
        const old = await transaction
          .selectFrom('uploads')
          .select('id')
          .where('expires_at', '<=', now())
          .orderBy('expires_at')
          .limit(limit)
          .execute();
        const ids = old.map(({ id }) => id);
        if (ids.length === 0) return { uploads: 0, blob_keys: [] };
        const pieces = await transaction.deleteFrom('upload_pieces').where('upload_id', 'in', ids).returning('blob_key').execute();
        await transaction.deleteFrom('uploads').where('id', 'in', ids).execute();
        return { uploads: ids.length, blob_keys: pieces.map(({ blob_key }) => blob_key) };
      });
    },
  };
}

/**
 * Takes out, in the transaction that makes something of them, uploads that are the tenant's. Throws Problem VALIDATION_FAILED where one has gone meanwhile: something
 * else was made of it.
 */
export async function consumeUploads(executor: Executor, tenant: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  if ((await deleteUploads(executor, { tenant, ids })) === null) {
    throw new Problem('VALIDATION_FAILED', `Something else was made of one of the uploads meanwhile: ${ids.join(', ')}`);
  }
}

/** The keys of their pieces; null, and nothing that counts, where not all of them are there. */
async function deleteUploads(executor: Executor, { tenant, ids }: { tenant: string; ids: readonly string[] }): Promise<string[] | null> {
  // Taken first: a piece that comes meanwhile waits, and finds its upload gone.
  const held = await executor
    .updateTable('uploads')
    .set({ tenant })
    .where('id', 'in', [...ids])
    .where('tenant', '=', tenant)
    .executeTakeFirst();
  if (held.numUpdatedRows !== BigInt(ids.length)) return null;
  const pieces = await executor
    .deleteFrom('upload_pieces')
    .where('upload_id', 'in', [...ids])
    .returning('blob_key')
    .execute();
  await executor
    .deleteFrom('uploads')
    .where('id', 'in', [...ids])
    .execute();
  return pieces.map(({ blob_key }) => blob_key);
}
