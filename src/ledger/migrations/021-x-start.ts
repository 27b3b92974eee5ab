import type { Kysely } from 'kysely';

/** Where the samples of x begin under their key: an upload that holds them as they are stored is kept as it came. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('datasets')
    .addColumn('x_start', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
}
