import { type Kysely, sql } from 'kysely';

/** When a job joined the queue: at its POST, and again when it is resumed after a pause. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('jobs')
    .addColumn('queued_at', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update jobs set queued_at = created_at`.execute(db);
}
