import { type Selectable, sql } from 'kysely';
import { problemDocument } from '../../errors.ts';
import { attemptWords } from '../attempt-words.ts';
import { type Database, HELD } from '../database.ts';
import type { JobRow, JobStatus, Ledger } from '../ledger.ts';
import { lives } from '../retention.ts';
import { attemptRow, jobRow } from '../rows.ts';
import type { AttemptTable } from '../tables.ts';
import { ended } from './ended.ts';
import { noteEvent } from './events.ts';
import { passFence } from './fence.ts';
import { queuedWithTurn } from './order.ts';
import { releaseAttempt } from './release.ts';

type DispatchQueries = Pick<
  Ledger,
  'listQueued' | 'releaseSilent' | 'failExhausted' | 'enginesLost' | 'heldAttempts' | 'counts' | 'queuedByType' | 'countWarned'
>;

/** Ends of attempts that say nothing of the job: they were asked for. */
const ASKED_FOR = ['worker_stopped', 'paused'];
/** Those that the job itself may be to blame for, or a machine that is short of something. */
const OF_ENGINES = ['engine_lost', 'engine_failed'];

/** Attempts, the newest first, as far back as the newest that left a newer checkpoint. */
function fruitless<Attempt extends Pick<Selectable<AttemptTable>, 'checkpoint_step' | 'from_step'>>(
  newestFirst: readonly Attempt[],
): readonly Attempt[] {
  const progress = newestFirst.findIndex(
    ({ checkpoint_step, from_step }) => checkpoint_step !== null && checkpoint_step > (from_step ?? -1),
  );
  return progress === -1 ? newestFirst : newestFirst.slice(0, progress);
}

/** What the dispatcher does for every tenant. */
export function dispatchQueries({ db, now, retention }: Database): DispatchQueries {
  return {
    async listQueued(limit, runningLimit) {
      const rows = await queuedWithTurn(db)
        .selectFrom('waiting')
        .innerJoin('jobs', 'jobs.id', 'waiting.id')
        .selectAll('jobs')
        .$if(runningLimit !== undefined, (query) => query.where('waiting.turn', '<=', runningLimit as number))
        .orderBy('waiting.turn')
        .orderBy('waiting.served_at')
        .orderBy('waiting.queued_at')
        .orderBy('waiting.id')
        .limit(limit)
        .execute();
      return rows.map(jobRow);
    },

    async releaseSilent(silent) {
      const released = [];
      for (const { job_id: id, n, heartbeat_at } of silent) {
        const won = await db.transaction().execute(async (transaction) => {
          // The job's row first, as everywhere: who takes the two the other way round waits for one who waits for it.
          if ((await passFence(transaction, id, n, false)) === null) return false;
          // Looked at again with the row in hand: a heartbeat may have come since.
          const { numUpdatedRows } = await transaction
            .updateTable('attempts')
            .set({ ended_at: null })
            .where('job_id', '=', id)
            .where('n', '=', n)
            .where('ended_at', 'is', null)
            .where('heartbeat_at', '=', heartbeat_at)
            .executeTakeFirst();
          return numUpdatedRows === 1n && (await releaseAttempt(transaction, id, n, 'worker_lost', { now, retention }));
        });
        if (won) released.push(id);
      }
      return released;
    },

    async failExhausted(limit) {
      const candidates = await db
        .selectFrom('jobs')
        .select(['id', 'attempt', 'warnings'])
        .where('status', '=', 'queued')
        .where('attempt', '>=', limit)
        .execute();
      const failed = [];
      for (const { id, attempt, warnings } of candidates) {
        const attempts = await db.selectFrom('attempts').selectAll().where('job_id', '=', id).orderBy('n', 'desc').execute();
        const recent = fruitless(attempts)
          .filter(({ end }) => end === null || !ASKED_FOR.includes(end))
          .slice(0, limit);
        if (recent.length < limit) continue;
        recent.reverse();
        const ends = recent.map(attemptRow).map(({ n, end }) => `attempt ${n}: ${end}`);
        const said = (JSON.parse(warnings) as JobRow['warnings']).findLast(({ detail }) =>
          recent.some(({ n }) => detail.startsWith(attemptWords(n))),
        );
        const error = problemDocument(
          'ATTEMPTS_EXHAUSTED',
          `The last ${limit} attempts ended without a newer checkpoint (${ends.join(', ')})${said ? `. ${said.detail}` : ''}`,
        );
        const won = await db.transaction().execute(async (transaction) => {
          const { numUpdatedRows } = await transaction
            .updateTable('jobs')
            .set(({ eb }) => ({
              status: 'failed',
              error: JSON.stringify(error),
              ...ended({ now, retention }),
              revision: eb('revision', '+', 1),
            }))
            .where('id', '=', id)
            .where('attempt', '=', attempt)
            .where('status', '=', 'queued')
            .executeTakeFirst();
          if (numUpdatedRows === 1n) await noteEvent(transaction, id, 'failed', now());
          return numUpdatedRows === 1n;
        });
        if (won) failed.push(id);
      }
      return failed;
    },

    async enginesLost(ids) {
      if (ids.length === 0) return new Map();
      const attempts = await db
        .selectFrom('attempts')
        .select(['job_id', 'end', 'checkpoint_step', 'from_step'])
        .where('job_id', 'in', ids)
        .orderBy('job_id')
        .orderBy('n', 'desc')
        .execute();
      const isOfEngine = ({ end }: { end: string | null }): boolean => end !== null && OF_ENGINES.includes(end);
      const byJob = Map.groupBy(attempts, ({ job_id }) => job_id);
      return new Map(
        [...byJob].filter(([, [newest]]) => isOfEngine(newest!)).map(([id, own]) => [id, fruitless(own).filter(isOfEngine).length]),
      );
    },

    async heldAttempts() {
      const rows = await db
        .selectFrom('jobs')
        .innerJoin('attempts', (join) => join.onRef('attempts.job_id', '=', 'jobs.id').onRef('attempts.n', '=', 'jobs.attempt'))
        .select(['jobs.id as job_id', 'attempts.n as n', 'attempts.heartbeat_at as heartbeat_at'])
        .where('jobs.status', 'in', HELD)
        .execute();
      return rows.map((row) => ({ ...row, heartbeat_at: Number(row.heartbeat_at) }));
    },

    async counts() {
      const rows = await db
        .selectFrom('jobs')
        .select(({ fn }) => ['status', fn.countAll<number>().as('count')])
        .where(lives('jobs', now()))
        .groupBy('status')
        .execute();
      const counts: Record<JobStatus, number> = {
        queued: 0,
        running: 0,
        pausing: 0,
        paused: 0,
        cancelling: 0,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
      };
      for (const { status, count } of rows) counts[status] = Number(count);
      return counts;
    },

    async queuedByType() {
      const rows = await db
        .selectFrom('jobs')
        .select(({ fn }) => ['type', fn.countAll<number>().as('count'), fn.min('queued_at').as('oldest')])
        .where('status', '=', 'queued')
        .groupBy('type')
        .orderBy('type')
        .execute();
      return rows.map(({ type, count, oldest }) => ({ type: type as JobRow['type'], count: Number(count), oldest: Number(oldest) }));
    },

    async countWarned(code) {
      // Quotes inside a detail are escaped in JSON, so that this is found as a code only. An underscore would stand for any character.
      const pattern = `%"code":"${code.replaceAll(/[!%_]/g, '!$&')}"%`;
      const { count } = await db
        .selectFrom('jobs')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where(lives('jobs', now()))
        .where(sql<boolean>`warnings like ${pattern} escape '!'`)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}
