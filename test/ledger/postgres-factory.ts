import { openLedger } from '../../src/ledger/open.ts';
import type { PostgresPlace } from '../../src/ledger/place.ts';
import { dropDatabase, newDatabase } from '../services/postgres.ts';
import type { LedgerFactory } from './fixture.ts';

/** Where a ledger in a database of the tests' Postgres lies. */
export function postgresPlace(url: string, changes: Partial<PostgresPlace> = {}): PostgresPlace {
  return { kind: 'postgres', url, poolSize: 4, statementTimeoutMs: 10_000, ...changes };
}

/** Ledgers in databases of their own. */
export const postgresFactory: LedgerFactory = {
  create: newDatabase,
  open: (url, now, more = {}) => openLedger({ database: postgresPlace(url), ...more }, { now }),
  destroy: dropDatabase,
};
