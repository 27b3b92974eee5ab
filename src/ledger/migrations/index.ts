/**
 * The schema's history, in code so that it needs no files beside the program. Names sort in the order they run. While a service is replaced, the version
 * before runs on what the new one has made of the tables: a migration adds, and what the last version reads or writes goes with a later one.
 */
import { Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { PostgresPlace } from '../place.ts';
import { postgresDialect } from '../postgres.ts';
import * as start from './001-start.ts';
import * as sampleWeights from './002-sample-weights.ts';
import * as columnarSegments from './003-columnar-segments.ts';
import * as queuedAt from './004-queued-at.ts';
import * as bestCheckpoints from './005-best-checkpoints.ts';
import * as furtherModels from './006-further-models.ts';
import * as sensitivities from './007-sensitivities.ts';
import * as keysAndAudit from './008-keys-and-audit.ts';
import * as webhooks from './009-webhooks.ts';
import * as retention from './010-retention.ts';
import * as idempotentCreates from './013-idempotent-creates.ts';
import * as parentJobs from './015-parent-jobs.ts';
import * as traceparent from './016-traceparent.ts';
import * as queueOrder from './017-queue-order.ts';
import * as artifactsByTenant from './018-artifacts-by-tenant.ts';
import * as uploads from './019-uploads.ts';
import * as turns from './020-turns.ts';
import * as xStart from './021-x-start.ts';

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '001-start': start,
  '002-sample-weights': sampleWeights,
  '003-columnar-segments': columnarSegments,
  '004-queued-at': queuedAt,
  '005-best-checkpoints': bestCheckpoints,
  '006-further-models': furtherModels,
  '007-sensitivities': sensitivities,
  '008-keys-and-audit': keysAndAudit,
  '009-webhooks': webhooks,
  '010-retention': retention,
  '013-idempotent-creates': idempotentCreates,
  '015-parent-jobs': parentJobs,
  '016-traceparent': traceparent,
  '017-queue-order': queueOrder,
  '018-artifacts-by-tenant': artifactsByTenant,
  '019-uploads': uploads,
  '020-turns': turns,
  '021-x-start': xStart,
};

/**
 * Brings a database up to date. The dialect's lock makes it safe for several processes at once. Migrations of a later version that were run already are
 * left as they are, so that a process of this version can start beside it; one that came in after one of a higher number, beside which it was written,
 * runs all the same.
 */
export async function migrate<Tables>(db: Kysely<Tables>, migrations = MIGRATIONS): Promise<void> {
  for (let later = await laterMigrations(db, migrations); ; ) {
    const known = { ...Object.fromEntries(later.map((name) => [name, DONE_BY_A_LATER_VERSION])), ...migrations };
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => known },
      allowUnorderedMigrations: true,
    }).migrateToLatest();
    if (!error) return;
    const now = await laterMigrations(db, migrations);
    // A later version came in between.
    if (now.length === later.length) throw error;
    later = now;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';
const ATTEMPTS = 100;

/**
 * The same over connections of its own. A table that is long in use is not waited for with the whole service behind: the migration lets go and tries again.
 */
export async function migratePostgres(place: PostgresPlace, migrations = MIGRATIONS): Promise<void> {
  const db = new Kysely<unknown>({ dialect: postgresDialect(place, 'migrations') });
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await migrate(db, migrations);
      } catch (error) {
        if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE || attempt === ATTEMPTS) throw error;
      }
    }
  } finally {
    await db.destroy();
  }
}

const DONE_BY_A_LATER_VERSION: Migration = {
  async up() {
    throw new Error('A migration of a later version is not run by this one');
  },
};

/** Names of migrations that were run and come after all that are known here. */
async function laterMigrations<Tables>(db: Kysely<Tables>, migrations: Readonly<Record<string, Migration>>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === MIGRATION_TABLE)) return [];
  const last = Object.keys(migrations).sort().at(-1) ?? '';
  const rows = await sql<{ name: string }>`select name from ${sql.table(MIGRATION_TABLE)}`.execute(db);
  return rows.rows.map(({ name }) => name).filter((name) => name > last);
}

const MIGRATION_TABLE = 'kysely_migration';
