import { type Database, ENDED, type Executor } from '../database.ts';
import type { CheckpointRow, Ledger } from '../ledger.ts';
import { passFence } from './fence.ts';

const KEPT = 2;

/** Checkpoints of a job: the newest two are kept, none outlives the job. */
export function checkpointQueries({ db }: Database): Pick<Ledger, 'addCheckpoint' | 'newestCheckpoint' | 'takeEndedCheckpoints'> {
  return {
    async addCheckpoint(row) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, row.job_id, row.attempt, false))) return false;
        // An attempt may write the same step twice: once for the clock and once for the end of a phase.
        const replaced = await remove(transaction, row);
        await transaction.insertInto('checkpoints').values(row).execute();
        await transaction
          .updateTable('attempts')
          .set({ checkpoint_step: row.step })
          .where('job_id', '=', row.job_id)
          .where('n', '=', row.attempt)
          .where(({ eb, or }) => or([eb('checkpoint_step', 'is', null), eb('checkpoint_step', '<', row.step)]))
          .execute();
        const fallen = (await newestFirst(transaction, row.job_id).execute()).slice(KEPT);
        for (const old of fallen) await remove(transaction, old);
        return [...replaced, ...fallen].filter((old) => old.blob_key !== row.blob_key);
      });
    },

    async newestCheckpoint(jobId) {
      return (await newestFirst(db, jobId).limit(1).executeTakeFirst()) ?? null;
    },

    async takeEndedCheckpoints(limit) {
      return db.transaction().execute(async (transaction) => {
        const rows = await transaction
          .selectFrom('checkpoints')
          .innerJoin('jobs', 'jobs.id', 'checkpoints.job_id')
          .selectAll('checkpoints')
          .where('jobs.status', 'in', ENDED)
          .limit(limit)
          .execute();
        const taken = [];
        for (const row of rows) taken.push(...(await remove(transaction, row)));
        return taken;
      });
    },
  };
}

/** A later attempt's are newer whatever their step: it may have gone on from an older one. */
function newestFirst(executor: Executor, jobId: string) {
  return executor.selectFrom('checkpoints').selectAll().where('job_id', '=', jobId).orderBy('attempt', 'desc').orderBy('step', 'desc');
}

async function remove(executor: Executor, row: Pick<CheckpointRow, 'job_id' | 'attempt' | 'step'>): Promise<CheckpointRow[]> {
  return executor
    .deleteFrom('checkpoints')
    .where('job_id', '=', row.job_id)
    .where('attempt', '=', row.attempt)
    .where('step', '=', row.step)
    .returningAll()
    .execute();
}
