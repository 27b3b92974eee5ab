import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import type { Ledger, Time } from './ledger.ts';
import { queryLedger } from './query-ledger.ts';
import type { Retention } from './retention.ts';
import { sqliteDialect } from './sqlite.ts';
import type { Tables } from './tables.ts';

/** Opens the ledger that the configuration names, making its folder. Call `migrate()` before anything else. */
export async function openLedger(
  config: { database: { kind: 'sqlite'; path: string }; retention?: Retention },
  options: { now?: () => Time } = {},
): Promise<Ledger> {
  await mkdir(dirname(config.database.path), { recursive: true });
  return queryLedger(new Kysely<Tables>({ dialect: sqliteDialect(config.database.path) }), options.now, config.retention);
}
