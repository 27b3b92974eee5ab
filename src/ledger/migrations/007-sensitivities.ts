import type { Kysely } from 'kysely';

/** What the groups of a model were measured to bear, for later jobs that ask the same. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sensitivities')
    .addColumn('model_id', 'text', (column) => column.notNull().references('models.id'))
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('measured', 'text', (column) => column.notNull())
    .addColumn('schema_version', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('sensitivities_key', ['model_id', 'key'])
    .execute();
}
