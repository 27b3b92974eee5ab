/** PostgreSQL through node-postgres, as a dialect of Kysely. */
import { PostgresDialect } from 'kysely';
import { Pool, type PoolConfig, TypeOverrides, types } from 'pg';
import type { PostgresPlace } from './place.ts';

/** A connection that cannot be had for this long is not waited for any longer. */
const CONNECT_LIMIT_MS = 5_000;
/** Longer than a statement may take on the server: a server that is gone without a word does not end its statements. */
const ANSWER_GRACE_MS = 5_000;
const IDLE_LIMIT_MS = 60_000;
/** Past this age a connection is not used again, so that a server behind the address may be taken out. */
const CONNECTION_AGE_S = 3600;

/** What waits inside a transaction holds rows that others want; no query of the ledger does. */
const IDLE_IN_TRANSACTION_MS = 30_000;
/** How long a migration waits for a table that statements of the running service hold: all that come after it wait behind it. */
const MIGRATION_LOCK_MS = 3_000;

/**
 * A dialect over the server that `place` names, with a pool of connections. A connection that breaks is replaced by the next who needs one. Queries of
 * `purpose` migrations may take as long as they take, but wait only briefly for a table.
 */
export function postgresDialect(place: PostgresPlace, purpose: 'queries' | 'migrations' = 'queries'): PostgresDialect {
  const limits: PoolConfig =
    purpose === 'queries'
      ? {
          max: place.poolSize,
          statement_timeout: place.statementTimeoutMs,
          query_timeout: place.statementTimeoutMs + ANSWER_GRACE_MS,
          idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
        }
      : { max: 2, lock_timeout: MIGRATION_LOCK_MS };
  const pool = new Pool({
    connectionString: place.url,
    application_name: 'espalier',
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    idleTimeoutMillis: IDLE_LIMIT_MS,
    maxLifetimeSeconds: CONNECTION_AGE_S,
    keepAlive: true,
    types: numbers(),
    ...limits,
  });
  // A connection that waits in the pool and breaks is no fault of anybody: the pool has let go of it.
  pool.on('error', () => {});
  // One that breaks between two statements of a transaction tells nobody but itself, and would end the process: the next statement is rejected for it.
  pool.on('connect', (client) => client.on('error', () => {}));
  return new PostgresDialect({ pool });
}

/** Times, sizes and counts are whole numbers below 2^53, which Postgres' int8 comes back as; one beyond is an error rather than rounded. */
function numbers(): TypeOverrides {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(types.builtins.INT8, (text: string) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new Error(`The ledger holds ${text}, which is larger than any of its numbers may be`);
    return value;
  });
  return overrides;
}
