import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { passFence } from './fence.ts';

/** Segments of a job's series, each of one attempt. */
export function seriesQueries({ db }: Database): Pick<Ledger, 'addSegment' | 'listSegments'> {
  return {
    async addSegment(row) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, row.job_id, row.attempt, false))) return false;
        await transaction.insertInto('segments').values(row).execute();
        return true;
      });
    },

    async listSegments(jobId) {
      return db.selectFrom('segments').selectAll().where('job_id', '=', jobId).orderBy('attempt').orderBy('segment').execute();
    },
  };
}
