import type { Ledger } from '../../ledger/ledger.ts';
import { storageFull } from '../../ledger/storage-full.ts';

/**
 * Refuses an upload of a tenant that has no room left before it arrives; whether one fits is known once it has been read. One with an idempotency key arrives first: it
 * may be the repetition of one that was stored. Throws Problem STORAGE_FULL.
 */
export async function refuseWhenFull(ledger: Pick<Ledger, 'storage'>, tenant: string, key: string | null): Promise<void> {
  if (key !== null) return;
  const { used_bytes: used, allowed_bytes: quota } = await ledger.storage(tenant);
  if (quota !== null && used >= quota) throw storageFull({ used, quota, bytes: 0 });
}
