import { Problem } from '../../errors.ts';
import type { Database, Executor } from '../database.ts';
import type { IdempotencyClaim, Ledger, ReplayOutcome, Time } from '../ledger.ts';

const KEPT_MS = 24 * 3600 * 1000;

/** Another transaction has used the key since this one looked for it, which Postgres lets happen. Done again, this one finds what the other created. */
export class KeyTaken extends Error {}

/** Keys of creations whose bodies take a while to arrive and to be read: held meanwhile, so that a second one is told that the first is running. */
export function idempotencyQueries({ db, now }: Database): Pick<Ledger, 'findIdempotent' | 'holdKey' | 'letGoOfKey'> {
  return {
    async findIdempotent(tenant, idempotency) {
      return findKey(db, tenant, idempotency, now());
    },

    async holdKey(tenant, key, holder, until) {
      return db.transaction().execute(async (transaction) => {
        await forgetOldKeys(transaction, now());
        const row = {
          tenant,
          key,
          fingerprint: null,
          resource_id: null,
          queue_position: 0,
          warnings: 0,
          holder,
          held_until: until,
          created_at: now(),
        };
        const inserted = await transaction
          .insertInto('idempotent_creates')
          .values(row)
          .onConflict((conflict) => conflict.columns(['tenant', 'key']).doNothing())
          .executeTakeFirst();
        if (inserted.numInsertedOrUpdatedRows === 1n) return 'held';
        // Its own, to hold it longer, or that of a process that is gone.
        const { numUpdatedRows } = await transaction
          .updateTable('idempotent_creates')
          .set({ holder, held_until: until })
          .where('tenant', '=', tenant)
          .where('key', '=', key)
          .where('resource_id', 'is', null)
          .where(({ eb, or }) => or([eb('holder', '=', holder), eb('held_until', '<=', now())]))
          .executeTakeFirst();
        if (numUpdatedRows === 1n) return 'held';
        const known = await transaction
          .selectFrom('idempotent_creates')
          .select('resource_id')
          .where('tenant', '=', tenant)
          .where('key', '=', key)
          .executeTakeFirstOrThrow();
        return known.resource_id === null ? 'in_progress' : 'used';
      });
    },

    async letGoOfKey(tenant, key, holder) {
      await db
        .deleteFrom('idempotent_creates')
        .where('tenant', '=', tenant)
        .where('key', '=', key)
        .where('holder', '=', holder)
        .where('resource_id', 'is', null)
        .execute();
    },
  };
}

/** What a key of the last 24 hours has created, or is creating. */
export async function findKey(
  executor: Executor,
  tenant: string,
  { key, fingerprint }: { key: string; fingerprint: string },
  now: Time,
): Promise<ReplayOutcome | null> {
  const known = await executor
    .selectFrom('idempotent_creates')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('created_at', '>', now - KEPT_MS)
    .executeTakeFirst();
  if (!known) return null;
  if (known.resource_id === null) return known.held_until > now ? { outcome: 'in_progress' } : null;
  if (known.fingerprint !== fingerprint) return { outcome: 'mismatch' };
  return { outcome: 'replayed', id: known.resource_id, queue_position: known.queue_position, warnings: known.warnings };
}

/** Makes room for keys to be used again after their 24 hours. */
export async function forgetOldKeys(executor: Executor, now: Time): Promise<void> {
  await executor
    .deleteFrom('idempotent_creates')
    .where('created_at', '<=', now - KEPT_MS)
    .execute();
}

/** Writes down, in the transaction that creates it, what a held key has created. Throws IDEMPOTENCY_IN_PROGRESS where another holds the key by now. */
export async function settleKey(
  executor: Executor,
  tenant: string,
  claim: IdempotencyClaim,
  { id, queue_position = 0, warnings = 0 }: { id: string; queue_position?: number; warnings?: number },
): Promise<void> {
  const { numUpdatedRows } = await executor
    .updateTable('idempotent_creates')
    .set({ fingerprint: claim.fingerprint, resource_id: id, queue_position, warnings })
    .where('tenant', '=', tenant)
    .where('key', '=', claim.key)
    .where('holder', '=', claim.holder)
    .where('resource_id', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows !== 1n) throw new Problem('IDEMPOTENCY_IN_PROGRESS', 'Another request with this idempotency key has taken over');
}
