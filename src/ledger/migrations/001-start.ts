import type { Kysely } from 'kysely';

/** The first tables. Rows are never reused; `bigint` holds times and sizes, which SQLite and Postgres both keep whole. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('models')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('blob_key', 'text', (column) => column.notNull())
    .addColumn('facts', 'text', (column) => column.notNull())
    .addColumn('schema_version', 'integer', (column) => column.notNull())
    .addColumn('parent_model_id', 'text', (column) => column.references('models.id'))
    .addColumn('job_id', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('models_by_tenant').on('models').columns(['tenant', 'id']).execute();
  await db.schema.createIndex('models_by_blob').on('models').column('blob_key').execute();

  await db.schema
    .createTable('datasets')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('blob_key_x', 'text', (column) => column.notNull())
    .addColumn('blob_key_y', 'text')
    .addColumn('blob_key_order', 'text', (column) => column.notNull())
    .addColumn('facts', 'text', (column) => column.notNull())
    .addColumn('schema_version', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('datasets_by_tenant').on('datasets').columns(['tenant', 'id']).execute();

  await db.schema
    .createTable('jobs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('spec', 'text', (column) => column.notNull())
    .addColumn('schema_version', 'integer', (column) => column.notNull())
    .addColumn('model_id', 'text', (column) => column.notNull().references('models.id'))
    .addColumn('dataset_id', 'text', (column) => column.notNull().references('datasets.id'))
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('warnings', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('expires_at', 'bigint')
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('jobs_by_tenant').on('jobs').columns(['tenant', 'id']).execute();
  await db.schema.createIndex('jobs_by_status').on('jobs').columns(['status', 'tenant', 'id']).execute();

  await db.schema
    .createTable('artifacts')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id'))
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('format', 'text', (column) => column.notNull())
    .addColumn('filename', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('blob_key', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('deleted_at', 'bigint')
    .execute();
  await db.schema.createIndex('artifacts_by_job').on('artifacts').columns(['job_id', 'id']).execute();
  await db.schema.createIndex('artifacts_by_blob').on('artifacts').column('blob_key').execute();

  await db.schema
    .createTable('attempts')
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id'))
    .addColumn('n', 'integer', (column) => column.notNull())
    .addColumn('worker', 'text', (column) => column.notNull())
    .addColumn('device', 'text', (column) => column.notNull())
    .addColumn('code_version', 'text', (column) => column.notNull())
    .addColumn('tensorflow_version', 'text', (column) => column.notNull())
    .addColumn('threads', 'integer', (column) => column.notNull())
    .addColumn('from_step', 'bigint')
    .addColumn('first_step_at', 'bigint')
    .addColumn('checkpoint_step', 'bigint')
    .addColumn('progress', 'text')
    .addColumn('engine_ms', 'bigint', (column) => column.notNull())
    .addColumn('heartbeat_at', 'bigint', (column) => column.notNull())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('end', 'text')
    .addPrimaryKeyConstraint('attempts_key', ['job_id', 'n'])
    .execute();

  await db.schema
    .createTable('checkpoints')
    .addColumn('job_id', 'text', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('step', 'bigint', (column) => column.notNull())
    .addColumn('blob_key', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('checkpoints_key', ['job_id', 'attempt', 'step'])
    .addForeignKeyConstraint('checkpoints_attempt', ['job_id', 'attempt'], 'attempts', ['job_id', 'n'])
    .execute();

  await db.schema
    .createTable('segments')
    .addColumn('job_id', 'text', (column) => column.notNull())
    .addColumn('attempt', 'integer', (column) => column.notNull())
    .addColumn('segment', 'integer', (column) => column.notNull())
    .addColumn('first_step', 'bigint', (column) => column.notNull())
    .addColumn('last_step', 'bigint', (column) => column.notNull())
    .addColumn('rows', 'integer', (column) => column.notNull())
    .addColumn('blob_key', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('segments_key', ['job_id', 'attempt', 'segment'])
    .addForeignKeyConstraint('segments_attempt', ['job_id', 'attempt'], 'attempts', ['job_id', 'n'])
    .execute();

  await db.schema
    .createTable('idempotency')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('job_id', 'text', (column) => column.notNull().references('jobs.id'))
    .addColumn('queue_position', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_key', ['tenant', 'key'])
    .execute();

  await db.schema
    .createTable('leases')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .execute();
}
