import type { Kysely, Transaction } from 'kysely';
import type { Actor, JobStatus, Time } from './ledger.ts';
import type { Retention } from './retention.ts';
import type { Tables } from './tables.ts';

/** What every group of queries works with. */
export interface Database {
  db: Kysely<Tables>;
  now: () => Time;
  retention: Retention;
  /** Bytes that a tenant may store; null: as many as it likes. */
  quota: number | null;
  /** Whether a transaction has to lock the rows that it relies on. On SQLite it has locked all there is. */
  locksRows: boolean;
  /** For whom changes are made; null where nobody asked for them. */
  actor: Actor | null;
}

/** A transaction, or the database itself where one statement is enough. */
export type Executor = Kysely<Tables> | Transaction<Tables>;

/** States in which a job belongs to its newest attempt. */
export const HELD = ['running', 'pausing', 'cancelling'] as const satisfies JobStatus[];

export type HeldStatus = (typeof HELD)[number];

/** States in which a job may still need its model and its data. */
export const UNFINISHED = ['queued', 'running', 'pausing', 'paused', 'cancelling'] as const satisfies JobStatus[];

/** States a job never leaves. */
export const ENDED = ['succeeded', 'failed', 'cancelled'] as const satisfies JobStatus[];
