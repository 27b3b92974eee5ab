import type { Kysely } from 'kysely';

/** Where a data set's sample weights lie; null for data sets without. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('datasets').addColumn('blob_key_w', 'text').execute();
}
