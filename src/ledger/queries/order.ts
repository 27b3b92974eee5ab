import { sql } from 'kysely';
import { type Executor, HELD } from '../database.ts';
import type { JobStatus } from '../ledger.ts';

/** Written out: with a parameter, which may be what an index is restricted to, SQLite compiles the statement anew each time. */
const QUEUED = sql.lit<JobStatus>('queued');

/**
 * Queued jobs with their turn: the how-many-th of its tenant's a job would be to run, counting those that run. Sorting by turn, then by when the tenant was
 * served last, and then by when they joined the queue, lets the tenants take turns: nobody's hundredth job goes before anybody's first, and whose job has just
 * ended is behind those who wait, however old the next one is.
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
        .leftJoin('turns', 'turns.tenant', 'jobs.tenant')
        .select(({ fn, eb, lit }) => [
          'jobs.id as id',
          'jobs.queued_at as queued_at',
          fn.coalesce('turns.served_at', lit(0)).as('served_at'),
          eb(
            fn.coalesce('running.count', lit(0)),
            '+',
            fn.agg<number>('row_number').over((over) => over.partitionBy('jobs.tenant').orderBy('jobs.queued_at').orderBy('jobs.id')),
          ).as('turn'),
        ])
        .where('jobs.status', '=', 'queued'),
    );
}

/** A queued job's place in its tenant's queue. */
interface Queued {
  id: string;
  tenant: string;
  queued_at: number;
}

/** How many queued jobs are before this one in the order of `queuedWithTurn`; null when it is not queued. */
export async function queuePosition(executor: Executor, id: string): Promise<number | null> {
  const job = await executor
    .selectFrom('jobs')
    .select(['id', 'tenant', 'queued_at'])
    .where('id', '=', id)
    .where('status', '=', QUEUED)
    .executeTakeFirst();
  return job ? positionOf(executor, { ...job, queued_at: Number(job.queued_at) }) : null;
}

/** The same of one that is known to be queued. Of its own tenant's queue it takes how much is earlier, and of every other's that and the length: ranking all that wait would sort them. */
export async function positionOf(executor: Executor, { id, ...own }: Queued): Promise<number> {
  // Ranges of the index: a condition of two columns would have every queued job looked at.
  const queued = executor.selectFrom('jobs').select(['tenant']).where('status', '=', QUEUED).groupBy('tenant');
  const ofOwn = queued
    .select(({ fn, lit }) => [fn.countAll<number>().as('length'), lit<number>(0).as('earlier')])
    .where('tenant', '=', own.tenant);
  const ofOthers = (than: '<' | '>') =>
    queued
      .select(({ fn, eb, refTuple, tuple, lit }) => [
        fn.countAll<number>().as('length'),
        fn
          .sum<number>(eb.case().when(refTuple('queued_at', 'id'), '<', tuple(own.queued_at, id)).then(lit(1)).else(lit(0)).end())
          .as('earlier'),
      ])
      .where('tenant', than, own.tenant);
  const counted = await ofOthers('<')
    .unionAll(ofOthers('>'))
    .unionAll(ofOwn.where('queued_at', '<', own.queued_at))
    .unionAll(ofOwn.where('queued_at', '=', own.queued_at).where('id', '<', id))
    .execute();
  const isOwn = ({ tenant }: { tenant: string }): boolean => tenant === own.tenant;
  const ahead = counted.filter(isOwn).reduce((sum, { length }) => sum + Number(length), 0);
  const queues = counted.filter((queue) => !isOwn(queue));
  if (queues.length === 0) return ahead;
  const held = await executor
    .selectFrom('jobs')
    .select(({ fn }) => ['tenant', fn.countAll<number>().as('count')])
    .where('status', 'in', HELD)
    .where('type', '!=', 'compare')
    .groupBy('tenant')
    .execute();
  const served = new Map(
    (await executor.selectFrom('turns').selectAll().execute()).map(({ tenant, served_at }) => [tenant, Number(served_at)]),
  );
  const servedAt = (tenant: string) => served.get(tenant) ?? 0;
  const running = new Map(held.map(({ tenant, count }) => [tenant, Number(count)]));
  let position = ahead;
  for (const { tenant, length, earlier } of queues) {
    // Jobs of a smaller turn, and the one of the same turn where its tenant was served before, or where it is earlier.
    const smaller = (running.get(own.tenant) ?? 0) + ahead - (running.get(tenant) ?? 0);
    position += Math.max(0, Math.min(Number(length), smaller));
    if (smaller < 0 || Number(length) <= smaller) continue;
    const order = servedAt(tenant) - servedAt(own.tenant);
    if (order < 0 || (order === 0 && Number(earlier) > smaller)) position += 1;
  }
  return position;
}
