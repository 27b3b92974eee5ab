import { randomUUID } from 'node:crypto';
import { Problem } from '../errors.ts';
import type { IdempotencyClaim, Ledger, Replayed } from '../ledger/ledger.ts';
import { fingerprint } from './canonical-json.ts';

/** A process that is killed holds its keys for this long. */
const HELD_MS = 30_000;
const RENEWED_EVERY_MS = 10_000;

/** A key that is held while a body arrives and is read. */
export interface HeldKey {
  /**
   * Once the body is known: what the key has created before, or what the ledger writes down with the creation. Throws IDEMPOTENCY_MISMATCH where
   * that was another body, IDEMPOTENCY_IN_PROGRESS where it is being created now.
   */
  settle(body: unknown): Promise<{ replayed: Replayed } | { claim: IdempotencyClaim | undefined }>;
}

/**
 * Does work that creates something at most once under a key; without a key just does it. A key that is held by a request that still runs, here or in another
 * process, throws IDEMPOTENCY_IN_PROGRESS before the body is read. One that was refused may be used again.
 */
export async function underKey<Result>(
  ledger: Pick<Ledger, 'holdKey' | 'letGoOfKey' | 'findIdempotent'>,
  tenant: string,
  key: string | null,
  work: (held: HeldKey) => Promise<Result>,
): Promise<Result> {
  if (key === null) return work({ settle: async () => ({ claim: undefined }) });
  const holder = randomUUID();
  const hold = () => ledger.holdKey(tenant, key, holder, Date.now() + HELD_MS);
  if ((await hold()) === 'in_progress') throw inProgress();
  // A renewal that fails costs at most the key; the ledger has the last word.
  const renewal = setInterval(() => void hold().catch(() => undefined), RENEWED_EVERY_MS);
  try {
    return await work({
      async settle(body) {
        const claim = { key, fingerprint: fingerprint(body), holder };
        // Again: what was used before, or is held by others, may have become free since.
        if ((await hold()) === 'held') return { claim };
        const known = await ledger.findIdempotent(tenant, claim);
        if (known?.outcome === 'replayed') return { replayed: known };
        if (known?.outcome === 'mismatch') throw mismatch();
        throw inProgress();
      },
    });
  } finally {
    clearInterval(renewal);
    await ledger.letGoOfKey(tenant, key, holder).catch(() => undefined);
  }
}

export function mismatch(): Problem {
  return new Problem('IDEMPOTENCY_MISMATCH', 'The idempotency key came with another body within the last 24 hours');
}

export function inProgress(): Problem {
  return new Problem('IDEMPOTENCY_IN_PROGRESS', 'The first request with this idempotency key is still running', {
    headers: { 'retry-after': '2' },
  });
}
