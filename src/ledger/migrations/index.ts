/** The schema's history, in code so that it needs no files beside the program. Names sort in the order they run. */
import type { Kysely } from 'kysely';
import { type MigrationProvider, Migrator } from 'kysely/migration';
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

const provider: MigrationProvider = {
  getMigrations: async () => ({
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
  }),
};

/**
 * Brings a database up to date. The dialect's lock makes it safe for several processes at once. A migration that came in after one of a higher number, beside
 * which it was written, runs all the same.
 */
export async function migrate<Tables>(db: Kysely<Tables>): Promise<void> {
  const { error } = await new Migrator({ db, provider, allowUnorderedMigrations: true }).migrateToLatest();
  if (error) throw error;
}
