import type { Executor } from '../database.ts';
import type { ReplayOutcome, Time } from '../ledger.ts';

const KEPT_MS = 24 * 3600 * 1000;

/** What a key of the last 24 hours has created, if it has. */
export async function findKey(
  executor: Executor,
  tenant: string,
  { key, fingerprint }: { key: string; fingerprint: string },
  now: Time,
): Promise<ReplayOutcome | null> {
  const known = await executor
    .selectFrom('idempotency')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('key', '=', key)
    .where('created_at', '>', now - KEPT_MS)
    .executeTakeFirst();
  if (!known) return null;
  if (known.fingerprint !== fingerprint) return { outcome: 'mismatch' };
  return { outcome: 'replayed', id: known.job_id, queue_position: known.queue_position };
}

/** Makes room for keys to be used again after their 24 hours. */
export async function forgetOldKeys(executor: Executor, now: Time): Promise<void> {
  await executor
    .deleteFrom('idempotency')
    .where('created_at', '<=', now - KEPT_MS)
    .execute();
}
