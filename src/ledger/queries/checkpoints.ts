import { type Database, ENDED, type Executor } from '../database.ts';
import type { CheckpointRow, Ledger } from '../ledger.ts';
import { checkpointRow, storedCheckpoint } from '../rows.ts';
import { passFence } from './fence.ts';

const NEWEST_KEPT = 2;

/** Checkpoints of a job: the newest two and the best are kept, none outlives the job. */
export function checkpointQueries({ db }: Database): Pick<Ledger, 'addCheckpoint' | 'listCheckpoints' | 'takeEndedCheckpoints'> {
  return {
    async addCheckpoint(row) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, row.job_id, row.attempt, false))) return false;
        // An attempt may write the same step twice: for the clock, for the end of a phase, for a pause. The weights are the same, and as good.
        const replaced = await remove(transaction, row);
        const best = row.best ?? replaced[0]?.best ?? null;
        await transaction
          .insertInto('checkpoints')
          .values(storedCheckpoint({ ...row, best }))
          .execute();
        await transaction
          .updateTable('attempts')
          .set({ checkpoint_step: row.step })
          .where('job_id', '=', row.job_id)
          .where('n', '=', row.attempt)
          .where(({ eb, or }) => or([eb('checkpoint_step', 'is', null), eb('checkpoint_step', '<', row.step)]))
          .execute();
        const all = await newestFirst(transaction, row.job_id);
        const bestSoFar = all.find((one) => one.best !== null);
        const fallen = all.slice(NEWEST_KEPT).filter((one) => one !== bestSoFar);
        for (const old of fallen) await remove(transaction, old);
        return [...replaced, ...fallen].filter((old) => old.blob_key !== row.blob_key);
      });
    },

    async listCheckpoints(jobId) {
      return newestFirst(db, jobId);
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
async function newestFirst(executor: Executor, jobId: string): Promise<CheckpointRow[]> {
  const rows = await executor
    .selectFrom('checkpoints')
    .selectAll()
    .where('job_id', '=', jobId)
    .orderBy('attempt', 'desc')
    .orderBy('step', 'desc')
    .execute();
  return rows.map(checkpointRow);
}

async function remove(executor: Executor, row: Pick<CheckpointRow, 'job_id' | 'attempt' | 'step'>): Promise<CheckpointRow[]> {
  const rows = await executor
    .deleteFrom('checkpoints')
    .where('job_id', '=', row.job_id)
    .where('attempt', '=', row.attempt)
    .where('step', '=', row.step)
    .returningAll()
    .execute();
  return rows.map(checkpointRow);
}
