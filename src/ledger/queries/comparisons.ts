import type { ExpressionBuilder, Updateable } from 'kysely';
import { type Database, type Executor, HELD, UNFINISHED } from '../database.ts';
import type { JobRow, JobStatus, Ledger } from '../ledger.ts';
import { jobRow } from '../rows.ts';
import type { JobTable, Tables } from '../tables.ts';
import { ended, endedWith } from './ended.ts';
import { noteEvent } from './events.ts';

type Clock = Pick<Database, 'now' | 'retention'>;

/** Comparisons and the jobs that they are made of. No worker holds a comparison: what becomes of it follows from its children. */
export function comparisonQueries({ db, now, retention }: Database): Pick<Ledger, 'listChildren' | 'tendComparisons' | 'endComparison'> {
  return {
    async listChildren(id) {
      const rows = await db.selectFrom('jobs').selectAll().where('parent_job_id', '=', id).orderBy('id').execute();
      return rows.map(jobRow);
    },

    async tendComparisons() {
      return db.transaction().execute(async (transaction) => {
        const begun = await comparisons(transaction, UNFINISHED)
          .where('started_at', 'is', null)
          .where((eb) => eb.exists(children(eb).where('child.started_at', 'is not', null)))
          .execute();
        for (const { id } of begun) {
          const { numUpdatedRows } = await transaction
            .updateTable('jobs')
            .set(({ eb }) => ({ started_at: now(), revision: eb('revision', '+', 1) }))
            .where('id', '=', id)
            .where('started_at', 'is', null)
            .executeTakeFirst();
          if (numUpdatedRows === 1n) await noteEvent(transaction, id, 'started', now());
        }
        const stopped = await comparisons(transaction, ['pausing'])
          .where((eb) => eb.not(eb.exists(children(eb).where('child.status', 'in', HELD))))
          .execute();
        for (const { id } of stopped) {
          await transaction
            .updateTable('jobs')
            .set(({ eb }) => ({ status: 'paused', revision: eb('revision', '+', 1) }))
            .where('id', '=', id)
            .where('status', '=', 'pausing')
            .execute();
        }
        const done = await comparisons(transaction, UNFINISHED)
          .where((eb) => eb.not(eb.exists(children(eb).where('child.status', 'in', UNFINISHED))))
          .execute();
        return done.map(jobRow);
      });
    },

    async endComparison({ id, from, status, result, error }) {
      return db.transaction().execute(async (transaction) => {
        const end = ended({ now, retention });
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ ...endedWith(end, { status, result, error }), revision: eb('revision', '+', 1) }))
          .where('id', '=', id)
          .where('type', '=', 'compare')
          .where('status', '=', from)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await noteEvent(transaction, id, status, end.finished_at);
        return true;
      });
    },
  };
}

function comparisons(executor: Executor, statuses: readonly JobStatus[]) {
  return executor.selectFrom('jobs').selectAll('jobs').where('type', '=', 'compare').where('status', 'in', statuses);
}

/** Those of the comparison that a query is about. */
function children(eb: ExpressionBuilder<Tables, 'jobs'>) {
  return eb.selectFrom('jobs as child').select('child.id').whereRef('child.parent_job_id', '=', 'jobs.id');
}

/** What can be asked of a job that is under way. */
export type Request = 'cancel' | 'pause' | 'resume';

interface Change {
  from: readonly JobStatus[];
  to: Updateable<JobTable>;
}

/** What a request makes of a job, by where it is. */
export function changesOf(request: Request, clock: Clock): Change[] {
  switch (request) {
    case 'cancel':
      return [
        { from: ['queued', 'paused'], to: { status: 'cancelled', ...ended(clock) } },
        { from: ['running', 'pausing'], to: { status: 'cancelling' } },
      ];
    case 'pause':
      return [
        { from: ['queued'], to: { status: 'paused' } },
        { from: ['running'], to: { status: 'pausing' } },
      ];
    case 'resume':
      return [
        { from: ['paused'], to: { status: 'queued', queued_at: clock.now() } },
        { from: ['pausing'], to: { status: 'running' } },
      ];
  }
}

/** The same of a comparison: it goes where its children have gone once they are there (`tendComparisons`), and resumes at once. */
const OF_COMPARISONS: Record<Request, Change> = {
  cancel: { from: ['running', 'pausing', 'paused'], to: { status: 'cancelling' } },
  pause: { from: ['running'], to: { status: 'pausing' } },
  resume: { from: ['pausing', 'paused'], to: { status: 'running' } },
};

/** What a request makes of this job, of which the caller has taken the row; null where it stays as it is. */
export function changeOf(request: Request, { type, status }: Pick<JobRow, 'type' | 'status'>, clock: Clock): Change['to'] | null {
  const changes = type === 'compare' ? [OF_COMPARISONS[request]] : changesOf(request, clock);
  return changes.find(({ from }) => from.includes(status))?.to ?? null;
}

/** Asks the same of all children of a comparison, in its own transaction. A child that is queued leaves no model of its checkpoint. */
export async function askChildren(executor: Executor, request: Request, parent: string, clock: Clock): Promise<void> {
  for (const { from, to } of changesOf(request, clock)) {
    await executor
      .updateTable('jobs')
      .set(({ eb }) => ({ ...to, revision: eb('revision', '+', 1) }))
      .where('parent_job_id', '=', parent)
      .where('status', 'in', from)
      .execute();
  }
}
