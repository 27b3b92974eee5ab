import { type Executor, UNFINISHED } from '../database.ts';

/** Whether an unfinished job reads the model or the data set. */
export async function isUsed(executor: Executor, column: 'model_id' | 'dataset_id', id: string): Promise<boolean> {
  const job = await executor
    .selectFrom('jobs')
    .select('id')
    .where(column, '=', id)
    .where('status', 'in', UNFINISHED)
    .limit(1)
    .executeTakeFirst();
  if (job !== undefined || column === 'dataset_id') return job !== undefined;
  const further = await executor
    .selectFrom('job_models')
    .innerJoin('jobs', 'jobs.id', 'job_models.job_id')
    .select('jobs.id')
    .where('job_models.model_id', '=', id)
    .where('jobs.status', 'in', UNFINISHED)
    .limit(1)
    .executeTakeFirst();
  return further !== undefined;
}

/** Takes the row for the rest of the transaction, so that it cannot be deleted before the job that names it is there; false when it is gone. */
export async function holdInput(executor: Executor, table: 'models' | 'datasets', tenant: string, id: string): Promise<boolean> {
  const { numUpdatedRows } = await executor
    .updateTable(table)
    .set({ tenant })
    .where('id', '=', id)
    .where('tenant', '=', tenant)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}
