import { type Executor, HELD } from '../database.ts';

/**
 * Queued jobs with their turn: the how-many-th of its tenant's a job would be to run, counting those that run. Sorting by turn, and then by when they
 * joined the queue, lets the tenants take turns: nobody's hundredth job goes before anybody's first.
 */
export function queuedWithTurn(executor: Executor) {
  return executor
    .with('running', (query) =>
      query
        .selectFrom('jobs')
        .select(({ fn }) => ['tenant', fn.countAll<number>().as('count')])
        .where('status', 'in', HELD)
        // A comparison is run by its children.
        .where('type', '!=', 'compare')
        .groupBy('tenant'),
    )
    .with('waiting', (query) =>
      query
        .selectFrom('jobs')
        .leftJoin('running', 'running.tenant', 'jobs.tenant')
        .select(({ fn, eb, lit }) => [
          'jobs.id as id',
          'jobs.queued_at as queued_at',
          eb(
            fn.coalesce('running.count', lit(0)),
            '+',
            fn.agg<number>('row_number').over((over) => over.partitionBy('jobs.tenant').orderBy('jobs.queued_at').orderBy('jobs.id')),
          ).as('turn'),
        ])
        .where('jobs.status', '=', 'queued'),
    );
}
