import { type Database, HELD } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { attemptRow, jobRow } from '../rows.ts';
import { ended, endedWith } from './ended.ts';
import { noteEvent } from './events.ts';
import { endAttempt, passFence } from './fence.ts';
import { insertOutputs } from './outputs.ts';
import { releaseAttempt } from './release.ts';

type AttemptQueries = Pick<
  Ledger,
  'claimJob' | 'heartbeat' | 'markStarted' | 'addWarning' | 'listAttempts' | 'engineTime' | 'endJob' | 'pauseJob' | 'releaseJob'
>;

/** What a worker does with a job: claim it, keep it, end it, pause it or give it back. */
export function attemptQueries({ db, now, retention }: Database): AttemptQueries {
  return {
    async claimJob(attempt) {
      return db.transaction().execute(async (transaction) => {
        const claimed = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ status: 'running', attempt: attempt.n, revision: eb('revision', '+', 1) }))
          .where('id', '=', attempt.job_id)
          .where('attempt', '=', attempt.n - 1)
          .where('status', '=', 'queued')
          .returningAll()
          .executeTakeFirst();
        if (!claimed) return null;
        await transaction
          .insertInto('attempts')
          .values({
            ...attempt,
            from_step: null,
            first_step_at: null,
            checkpoint_step: null,
            progress: null,
            engine_ms: 0,
            heartbeat_at: now(),
            started_at: now(),
            ended_at: null,
            end: null,
          })
          .execute();
        await transaction
          .insertInto('turns')
          .values({ tenant: claimed.tenant, served_at: now() })
          .onConflict((conflict) => conflict.column('tenant').doUpdateSet(({ ref }) => ({ served_at: ref('excluded.served_at') })))
          .execute();
        return jobRow(claimed);
      });
    },

    async heartbeat(jobId, n, { progress, engine_ms }) {
      return db.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('attempts')
          .set({ heartbeat_at: now(), engine_ms, ...(progress === null ? {} : { progress: JSON.stringify(progress) }) })
          .where('job_id', '=', jobId)
          .where('n', '=', n)
          .where('ended_at', 'is', null)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return null;
        const job = await transaction
          .selectFrom('jobs')
          .select('status')
          .where('id', '=', jobId)
          .where('attempt', '=', n)
          .where('status', 'in', HELD)
          .executeTakeFirst();
        return job?.status ?? null;
      });
    },

    async markStarted(jobId, n, fromStep) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, jobId, n, true))) return false;
        await transaction
          .updateTable('attempts')
          .set({ from_step: fromStep, first_step_at: now() })
          .where('job_id', '=', jobId)
          .where('n', '=', n)
          .where('first_step_at', 'is', null)
          .execute();
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set({ started_at: now() })
          .where('id', '=', jobId)
          .where('started_at', 'is', null)
          .executeTakeFirst();
        if (numUpdatedRows === 1n) await noteEvent(transaction, jobId, 'started', now());
        return true;
      });
    },

    async addWarning(jobId, n, warning) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, jobId, n, true))) return false;
        const job = jobRow(await transaction.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow());
        // A resumed attempt says again what the first one said.
        if (job.warnings.some(({ code, detail }) => code === warning.code && detail === warning.detail)) return true;
        await transaction
          .updateTable('jobs')
          .set({ warnings: JSON.stringify([...job.warnings, warning]) })
          .where('id', '=', jobId)
          .execute();
        return true;
      });
    },

    async listAttempts(jobId) {
      const rows = await db.selectFrom('attempts').selectAll().where('job_id', '=', jobId).orderBy('n').execute();
      return rows.map(attemptRow);
    },

    async engineTime(jobId) {
      const { total } = await db
        .selectFrom('attempts')
        .select(({ fn }) => fn.sum<number | null>('engine_ms').as('total'))
        .where('job_id', '=', jobId)
        .executeTakeFirstOrThrow();
      return Number(total ?? 0);
    },

    async endJob({ job_id, attempt, status, result, error, models, artifacts, engine_ms }) {
      return db.transaction().execute(async (transaction) => {
        const end = ended({ now, retention });
        const { numUpdatedRows } = await transaction
          .updateTable('jobs')
          .set(({ eb }) => ({ ...endedWith(end, { status, result, error }), revision: eb('revision', '+', 1) }))
          .where('id', '=', job_id)
          .where('attempt', '=', attempt)
          .where('status', 'in', HELD)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return false;
        await endAttempt(transaction, job_id, attempt, { ended_at: end.finished_at, end: END_OF[status], engine_ms });
        await insertOutputs(transaction, { models, artifacts }, { retention, expires_at: end.expires_at });
        await noteEvent(transaction, job_id, status, end.finished_at);
        return true;
      });
    },

    async pauseJob(jobId, n, engineMs) {
      return db.transaction().execute(async (transaction) => {
        const status = await passFence(transaction, jobId, n, false);
        if (status === null || status === 'cancelling') return status;
        await releaseAttempt(transaction, jobId, n, 'paused', { now, retention });
        await transaction.updateTable('attempts').set({ engine_ms: engineMs }).where('job_id', '=', jobId).where('n', '=', n).execute();
        return status === 'pausing' ? 'paused' : 'queued';
      });
    },

    async releaseJob(jobId, n, end) {
      return db.transaction().execute((transaction) => releaseAttempt(transaction, jobId, n, end, { now, retention }));
    },
  };
}

const END_OF = { succeeded: 'finished', failed: 'failed', cancelled: 'cancelled' } as const;
