import type { Kysely } from 'kysely';

/** The trace that a job belongs to, for whoever works on it; null where nobody traces. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('jobs').addColumn('traceparent', 'text').execute();
}
