import type { Kysely } from 'kysely';

/**
 * Segments of columns, each placed by the number of its first row, so that several may become one. Segments in the form before, which no release has
 * written, are not taken over.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('segments').execute();
  await db.schema
    .createTable('segments')
    .addColumn('job_id', 'text', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('first_row', 'bigint', (column) => column.notNull())
    .addColumn('last_row', 'bigint', (column) => column.notNull())
    .addColumn('first_step', 'bigint', (column) => column.notNull())
    .addColumn('last_step', 'bigint', (column) => column.notNull())
    .addColumn('series', 'text', (column) => column.notNull())
    .addColumn('blob_key', 'text', (column) => column.notNull())
    .addColumn('head_bytes', 'bigint', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('segments_key', ['job_id', 'attempt', 'first_row'])
    .addForeignKeyConstraint('segments_attempt', ['job_id', 'attempt'], 'attempts', ['job_id', 'n'])
    .execute();
  await db.schema.createIndex('segments_by_blob').on('segments').column('blob_key').execute();
}
