import type { Kysely } from 'kysely';

/** When a tenant was served last: the one that has waited longest is next, however old the jobs of the others are. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('turns')
    .addColumn('tenant', 'text', (column) => column.primaryKey())
    .addColumn('served_at', 'bigint', (column) => column.notNull())
    .execute();
}
