import { type Database, type Executor, UNFINISHED } from '../database.ts';
import { lives } from '../retention.ts';

/**
 * Takes the row for the rest of the transaction, so that it cannot be deleted, and let go of its bytes, before the job that names it is there; false when it is
 * gone.
 */
export async function holdInput(
  executor: Executor,
  { now, locksRows }: Pick<Database, 'now' | 'locksRows'>,
  table: 'models' | 'datasets' | 'jobs',
  tenant: string,
  id: string,
): Promise<boolean> {
  const held = await executor
    .selectFrom(table)
    .select('id')
    .where('id', '=', id)
    .where('tenant', '=', tenant)
    .where(lives(table, now()))
    .$if(locksRows, (query) => query.forShare())
    .executeTakeFirst();
  return held !== undefined;
}

/** The ids of what unfinished jobs read, of one kind: a query, to be used in others. Of jobs, those whose plan is replayed. */
export function neededIds(executor: Executor, kind: 'models' | 'datasets' | 'jobs') {
  if (kind === 'datasets') return executor.selectFrom('jobs').select('dataset_id as id').where('status', 'in', UNFINISHED);
  if (kind === 'jobs') {
    return executor
      .selectFrom('job_plans')
      .innerJoin('jobs as reader', 'reader.id', 'job_plans.job_id')
      .select('plan_job_id as id')
      .where('reader.status', 'in', UNFINISHED);
  }
  return executor
    .selectFrom('jobs')
    .select('model_id as id')
    .where('status', 'in', UNFINISHED)
    .unionAll(
      executor
        .selectFrom('job_models')
        .innerJoin('jobs as reader', 'reader.id', 'job_models.job_id')
        .select('job_models.model_id as id')
        .where('reader.status', 'in', UNFINISHED),
    );
}
