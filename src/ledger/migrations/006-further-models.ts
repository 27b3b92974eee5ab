import type { Kysely } from 'kysely';

/** Models that a job reads besides its own, such as a teacher: none can be deleted while the job is unfinished. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('job_models')
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id'))
    .addColumn('model_id', 'text', (column) => column.notNull().references('models.id'))
    .addPrimaryKeyConstraint('job_models_key', ['model_id', 'job_id'])
    .execute();
}
