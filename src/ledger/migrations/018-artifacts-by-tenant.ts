import type { Kysely } from 'kysely';

/** What a tenant has stored is summed up when it uploads. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('artifacts_by_tenant').on('artifacts').columns(['tenant', 'id']).execute();
}
