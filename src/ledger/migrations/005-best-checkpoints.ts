import type { Kysely } from 'kysely';

/** Which checkpoints were the best so far when they were written, by which metric and with which value; null for the others. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('checkpoints').addColumn('best_metric', 'text').execute();
  await db.schema.alterTable('checkpoints').addColumn('best_value', 'double precision').execute();
}
