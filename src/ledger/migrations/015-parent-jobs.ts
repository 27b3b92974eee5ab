import type { Kysely } from 'kysely';

/** Jobs that are made for another: the children of comparisons. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('jobs')
    .addColumn('parent_job_id', 'text', (column) => column.references('jobs.id'))
    .execute();
  await db.schema.createIndex('jobs_by_parent').on('jobs').column('parent_job_id').execute();
}
