import { type Kysely, sql } from 'kysely';

/**
 * Idempotency keys of every kind of creation, those that are still running among them. The table before, of jobs alone, stays for servers of before that run
 * beside newer ones; its keys are taken over.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotent_creates')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text')
    .addColumn('resource_id', 'text')
    .addColumn('queue_position', 'integer', (column) => column.notNull())
    .addColumn('warnings', 'integer', (column) => column.notNull())
    .addColumn('holder', 'text')
    .addColumn('held_until', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotent_creates_key', ['tenant', 'key'])
    .execute();
  await db.schema.createIndex('idempotent_creates_by_age').on('idempotent_creates').column('created_at').execute();
  await sql`
    insert into idempotent_creates (tenant, key, fingerprint, resource_id, queue_position, warnings, held_until, created_at)
    select tenant, key, fingerprint, job_id, queue_position, 0, 0, created_at from idempotency`.execute(db);
}
