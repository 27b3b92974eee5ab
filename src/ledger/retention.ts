import { type RawBuilder, sql } from 'kysely';
import type { Perishable, Time } from './ledger.ts';

/** How long each kind of resource is kept, in milliseconds; null keeps it until it is deleted. Models and data sets count from their upload, jobs from their end. */
export interface Retention {
  models: number | null;
  datasets: number | null;
  /** Artifacts go with their job; models that a job made count for themselves. */
  jobs: number | null;
  /** Rows of the audit trail. */
  audit: number | null;
}

export const KEEP_ALL: Retention = { models: null, datasets: null, jobs: null, audit: null };

/** Bytes of what was deleted or has expired stay for this long, and for as long as an unfinished job needs them. */
export const BYTES_KEPT_MS = 3_600_000;

/** For this long the answer is that it is gone; after it, that there is no such thing. */
export const GONE_KNOWN_MS = 30 * 24 * 3_600_000;

/** When something made or ended at `since` expires; null for never. */
export function expiryOf(since: Time, kept: number | null): Time | null {
  return kept === null ? null : since + kept;
}

/** When a row went: it was deleted, or its time was over. Null where neither has happened by `now`. */
export function goneAt(row: { deleted_at: Time | null; expires_at: Time | null }, now: Time): Time | null {
  const expired = row.expires_at !== null && row.expires_at <= now ? row.expires_at : null;
  if (row.deleted_at === null || expired === null) return row.deleted_at ?? expired;
  return Math.min(row.deleted_at, expired);
}

/** Whether a row of the table is neither deleted nor expired. */
export function lives(table: Perishable, now: Time): RawBuilder<boolean> {
  const [deleted, expires] = [sql.ref(`${table}.deleted_at`), sql.ref(`${table}.expires_at`)];
  return sql<boolean>`(${deleted} is null and (${expires} is null or ${expires} > ${now}))`;
}

/** Whether a row of the table was deleted, or had expired, by `time`. */
export function goneBy(table: Perishable, time: Time): RawBuilder<boolean> {
  return sql<boolean>`(${sql.ref(`${table}.deleted_at`)} <= ${time} or ${sql.ref(`${table}.expires_at`)} <= ${time})`;
}
