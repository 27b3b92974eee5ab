import type { Blobs } from '../blobs/blobs.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { attemptOfKey } from './keys.ts';

/** Where the service's own bytes lie. */
const PREFIXES = ['models/', 'datasets/', 'jobs/', 'uploads/'];
/** Whoever wrote bytes has named them, or is gone, after this long. */
const GRACE_MS = 24 * 3600 * 1000;
/** Keys that the ledger is asked about at once. */
const BATCH = 200;

interface Places {
  ledger: Pick<Ledger, 'unnamedBlobs' | 'heldAttempts'>;
  blobs: Pick<Blobs, 'list'>;
  now: number;
  stopping: AbortSignal;
}

/**
 * Keys of bytes that no row names: their process was killed between writing them and naming them, or between dropping their row and deleting them. Spares
 * what is younger than a day and what an attempt that holds a job now has written. Ends early once `stopping` is aborted.
 */
export async function* findOrphans({ ledger, blobs, now, stopping }: Places): AsyncGenerator<string> {
  async function* unnamed(keys: readonly string[]): AsyncGenerator<string> {
    // In this order: an attempt that ends in between has named what it leaves.
    const held = new Set((await ledger.heldAttempts()).map(({ job_id, n }) => `${job_id} ${n}`));
    for (const key of await ledger.unnamedBlobs(keys)) {
      const attempt = attemptOfKey(key);
      if (!stopping.aborted && !(attempt && held.has(`${attempt.job_id} ${attempt.n}`))) yield key;
    }
  }
  let old: string[] = [];
  for (const prefix of PREFIXES) {
    for await (const { key, written_at } of blobs.list(prefix)) {
      if (stopping.aborted) return;
      if (now - written_at < GRACE_MS) continue;
      old.push(key);
      if (old.length < BATCH) continue;
      yield* unnamed(old);
      old = [];
    }
  }
  yield* unnamed(old);
}

/** Deletes them; returns how many went. */
export async function sweepOrphans({ blobs, ...places }: Places & { blobs: Pick<Blobs, 'list' | 'delete'> }): Promise<number> {
  let swept = 0;
  for await (const key of findOrphans({ blobs, ...places })) {
    await blobs.delete(key);
    swept += 1;
  }
  return swept;
}
