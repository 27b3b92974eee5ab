import { type Kysely, sql } from 'kysely';
import type { Actor, Ledger, Time } from './ledger.ts';
import { artifactQueries } from './queries/artifacts.ts';
import { attemptQueries } from './queries/attempts.ts';
import { auditQueries } from './queries/audit.ts';
import { blobQueries } from './queries/blobs.ts';
import { checkpointQueries } from './queries/checkpoints.ts';
import { comparisonQueries } from './queries/comparisons.ts';
import { datasetQueries } from './queries/datasets.ts';
import { deliveryQueries } from './queries/deliveries.ts';
import { dispatchQueries } from './queries/dispatch.ts';
import { idempotencyQueries } from './queries/idempotency.ts';
import { jobQueries } from './queries/jobs.ts';
import { keyQueries } from './queries/keys.ts';
import { leaseQueries } from './queries/leases.ts';
import { modelQueries } from './queries/models.ts';
import { purgeQueries } from './queries/purge.ts';
import { sensitivityQueries } from './queries/sensitivities.ts';
import { seriesQueries } from './queries/series.ts';
import { storageQueries } from './queries/storage.ts';
import { uploadQueries } from './queries/uploads.ts';
import { webhookSecretQueries } from './queries/webhook-secrets.ts';
import { KEEP_ALL, type Retention } from './retention.ts';
import type { Tables } from './tables.ts';

/**
 * The ledger over any of Kysely's dialects: the queries are the same for all of them. `migrate` brings its schema up to date, `now` is the clock that rows
 * are stamped with, `retention` says when new ones expire, `quota` how many bytes a tenant may store, `actor` for whom changes are made, `locksRows` whether
 * transactions go on side by side, and `version` is the database's, where it tells.
 */
export function queryLedger(
  db: Kysely<Tables>,
  migrate: Ledger['migrate'],
  now: () => Time = Date.now,
  {
    retention = KEEP_ALL,
    quota = null,
    actor = null,
    locksRows,
    version = () => null,
  }: {
    retention?: Retention | undefined;
    quota?: number | null | undefined;
    actor?: Actor | null;
    locksRows: boolean;
    version?: Ledger['version'];
  },
): Ledger {
  const database = { db, now, retention, quota, locksRows, actor };
  return {
    migrate,

    async check() {
      // A write that changes nothing still needs the lock, the space and the rights of one that does.
      await db.updateTable('leases').set({ until: 0 }).where('name', '=', 'no-such-lease').execute();
      await sql`select 1`.execute(db);
    },

    close: () => db.destroy(),

    by: (who) => queryLedger(db, migrate, now, { retention, quota, actor: who, locksRows, version }),

    version,

    ...modelQueries(database),
    ...datasetQueries(database),
    ...artifactQueries(database),
    ...jobQueries(database),
    ...idempotencyQueries(database),
    ...attemptQueries(database),
    ...seriesQueries(database),
    ...checkpointQueries(database),
    ...dispatchQueries(database),
    ...comparisonQueries(database),
    ...leaseQueries(database),
    ...blobQueries(database),
    ...purgeQueries(database),
    ...sensitivityQueries(database),
    ...deliveryQueries(database),
    ...webhookSecretQueries(database),
    ...keyQueries(database),
    ...auditQueries(database),
    ...storageQueries(database),
    ...uploadQueries(database),
  };
}
