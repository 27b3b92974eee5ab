import type { Blobs } from '../blobs/blobs.ts';
import type { Ledger, Perishable } from '../ledger/ledger.ts';
import { BYTES_KEPT_MS } from '../ledger/retention.ts';
import { sweepOrphans } from './orphans.ts';

const KINDS: readonly Perishable[] = ['models', 'datasets', 'artifacts', 'jobs'];
const BATCH = 100;

/** What was deleted, or with a dry run would be. */
export interface Tidied {
  /** Resources that let go of their bytes, by kind. */
  purged: Record<Perishable, number>;
  /** Checkpoints of jobs that have ended; 0 in a dry run, which does not look at them. */
  checkpoints: number;
  /** Rows of the audit trail that are older than it is kept; 0 in a dry run. */
  audit: number;
  /** Uploads in several requests that nothing was made of in time; 0 in a dry run. */
  uploads: number;
  /** Bytes under keys that no row names. */
  orphans: number;
  /** Of all of these together. */
  blobs: number;
  size_bytes: number;
}

/**
 * Deletes bytes that nobody needs any more: of resources that were deleted or have expired an hour ago and that no unfinished job reads, checkpoints of jobs
 * that have ended, and what no row names; and rows of the audit trail that are older than it is kept. What the dispatcher does every hour, and `espalier gc` at once. Several may run at the same time. Ends early once
 * `stopping` is aborted.
 */
export async function tidy(options: {
  ledger: Pick<
    Ledger,
    'listUnneeded' | 'markPurged' | 'takeEndedCheckpoints' | 'unnamedBlobs' | 'heldAttempts' | 'forgetAudit' | 'takeExpiredUploads'
  >;
  blobs: Pick<Blobs, 'list' | 'delete' | 'size'>;
  now: number;
  stopping: AbortSignal;
  dryRun?: boolean;
}): Promise<Tidied> {
  const { ledger, blobs, now, stopping, dryRun = false } = options;
  const done: Tidied = {
    purged: { models: 0, datasets: 0, artifacts: 0, jobs: 0 },
    checkpoints: 0,
    audit: 0,
    uploads: 0,
    orphans: 0,
    blobs: 0,
    size_bytes: 0,
  };
  const remove = async (key: string): Promise<void> => {
    const size = await blobs.size(key);
    if (size === null) return;
    if (!dryRun) await blobs.delete(key);
    done.blobs += 1;
    done.size_bytes += size;
  };

  const before = now - BYTES_KEPT_MS;
  for (const kind of KINDS) {
    let after: string | undefined;
    do {
      const rows = await ledger.listUnneeded(kind, before, { limit: BATCH, after });
      for (const row of rows) {
        if (stopping.aborted) return done;
        // Marked first: whoever dies in between leaves bytes that no row names, never a row without its bytes.
        const keys = dryRun ? row.blob_keys : await ledger.markPurged(kind, row.id, before);
        if (keys === null) continue;
        done.purged[kind] += 1;
        for (const key of dryRun ? keys : await ledger.unnamedBlobs(keys)) await remove(key);
      }
      after = rows.length < BATCH ? undefined : rows.at(-1)?.id;
    } while (after !== undefined);
  }
  if (!dryRun) {
    let taken: number;
    do {
      const rows = stopping.aborted ? [] : await ledger.takeEndedCheckpoints(BATCH);
      for (const { blob_key } of rows) await remove(blob_key);
      done.checkpoints += rows.length;
      taken = rows.length;
    } while (taken === BATCH);
    do {
      const expired = stopping.aborted ? { uploads: 0, blob_keys: [] } : await ledger.takeExpiredUploads(BATCH);
      for (const key of expired.blob_keys) await remove(key);
      done.uploads += expired.uploads;
      taken = expired.uploads;
    } while (taken === BATCH);
    do {
      taken = stopping.aborted ? 0 : await ledger.forgetAudit(BATCH);
      done.audit += taken;
    } while (taken === BATCH);
  }
  done.orphans = await sweepOrphans({ ledger, blobs: { list: (prefix) => blobs.list(prefix), delete: remove }, now, stopping });
  return done;
}
