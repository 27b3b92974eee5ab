import { type Kysely, sql } from 'kysely';

/**
 * Deleting in two steps: a row is hidden at once (`deleted_at`, or `expires_at` reached) and lets go of its bytes later (`purged_at`). Hashes of the bytes that
 * had none; null for those written before. Which jobs replay another's plan, so that it stays for them. Nothing an older server writes breaks by it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const any = db as Kysely<Record<string, Record<string, unknown>>>;
  for (const table of ['models', 'datasets', 'artifacts', 'jobs']) {
    await db.schema.alterTable(table).addColumn('purged_at', 'bigint').execute();
    // Bytes went with the row so far.
    await any
      .updateTable(table)
      .set({ purged_at: sql.ref('deleted_at') })
      .where('deleted_at', 'is not', null)
      .execute();
  }
  await sql`delete from segments where job_id in (select id from jobs where deleted_at is not null)`.execute(db);
  await db.schema.alterTable('datasets').addColumn('blob_sha256', 'text').execute();
  await db.schema.alterTable('segments').addColumn('sha256', 'text').execute();
  await db.schema
    .createTable('job_plans')
    .addColumn('job_id', 'text', (column) => column.primaryKey().references('jobs.id'))
    .addColumn('plan_job_id', 'text', (column) => column.notNull().references('jobs.id'))
    .execute();
  await db.schema.createIndex('job_plans_by_plan').on('job_plans').column('plan_job_id').execute();
}
