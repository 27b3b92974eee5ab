import type { Kysely } from 'kysely';

/** A tenant's queued jobs in their order, for a job's place in a long queue. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('jobs_by_queue').on('jobs').columns(['status', 'tenant', 'queued_at', 'id']).execute();
}
