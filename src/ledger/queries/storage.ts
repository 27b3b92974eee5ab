import type { Database, Executor } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { storageFull } from '../storage-full.ts';
import { holdName } from './leases.ts';

/** What a tenant has stored, against what it may. */
export function storageQueries({ db, quota }: Database): Pick<Ledger, 'storage'> {
  return {
    async storage(tenant) {
      return { used_bytes: await usedBytes(db, tenant), allowed_bytes: quota };
    },
  };
}

/**
 * Throws Problem STORAGE_FULL where so many bytes more are more than the tenant may store; for 0 bytes where it has no room left. Holds the tenant's account for the
 * rest of the transaction, so that of two who come at once the second counts what the first has stored.
 */
export async function holdStorage(executor: Executor, { quota }: Pick<Database, 'quota'>, tenant: string, bytes: number): Promise<void> {
  if (quota === null) return;
  await holdName(executor, `storage:${tenant}`);
  const used = await usedBytes(executor, tenant);
  if (used + Math.max(bytes, 1) > quota) throw storageFull({ used, quota, bytes });
}

/** Of what has not let go of its bytes. A job's model and the artifact of the same file are one. */
async function usedBytes(executor: Executor, tenant: string): Promise<number> {
  const stored = executor
    .selectFrom('models')
    .select(['blob_key as name', 'size_bytes'])
    .where('tenant', '=', tenant)
    .where('purged_at', 'is', null)
    .union(
      executor
        .selectFrom('artifacts')
        .select(['blob_key as name', 'size_bytes'])
        .where('tenant', '=', tenant)
        .where('purged_at', 'is', null),
    )
    .union(executor.selectFrom('datasets').select(['id as name', 'size_bytes']).where('tenant', '=', tenant).where('purged_at', 'is', null))
    .union(executor.selectFrom('uploads').select(['id as name', 'length as size_bytes']).where('tenant', '=', tenant));
  const { sum } = await executor
    .selectFrom(stored.as('stored'))
    .select(({ fn }) => fn.sum<number | string | null>('size_bytes').as('sum'))
    .executeTakeFirstOrThrow();
  return Number(sum ?? 0);
}
