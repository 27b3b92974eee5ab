import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { withRetries } from './faults.ts';
import type { Ledger, Time } from './ledger.ts';
import { migrate, migratePostgres } from './migrations/index.ts';
import type { LedgerPlace } from './place.ts';
import { postgresDialect } from './postgres.ts';
import { queryLedger } from './query-ledger.ts';
import type { Retention } from './retention.ts';
import { openSqlite } from './sqlite.ts';
import type { Tables } from './tables.ts';

/** Opens the ledger that the configuration names, making its folder where it is a file. Call `migrate()` before anything else. */
export async function openLedger(
  config: { database: LedgerPlace; retention?: Retention; tenantQuotaBytes?: number | null },
  options: { now?: () => Time } = {},
): Promise<Ledger> {
  const { database: place, retention, tenantQuotaBytes: quota } = config;
  switch (place.kind) {
    case 'sqlite': {
      await mkdir(dirname(place.path), { recursive: true });
      const { dialect, version } = openSqlite(place.path);
      const db = new Kysely<Tables>({ dialect });
      return queryLedger(db, () => migrate(db), options.now, { retention, quota, locksRows: false, version });
    }
    case 'postgres': {
      const db = new Kysely<Tables>({ dialect: postgresDialect(place) });
      return withRetries(queryLedger(db, () => migratePostgres(place), options.now, { retention, quota, locksRows: true }));
    }
  }
}
