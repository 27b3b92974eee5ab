import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { segmentRow, storedSegment } from '../rows.ts';
import { passFence } from './fence.ts';

/** Segments of a job's series, each of one attempt. */
export function seriesQueries({ db }: Database): Pick<Ledger, 'addSegment' | 'mergeSegments' | 'listSegments'> {
  return {
    async addSegment(row) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, row.job_id, row.attempt, false))) return false;
        await transaction
          .insertInto('segments')
          .values(storedSegment(row))
          // Told again after an answer that was lost.
          .onConflict((conflict) => conflict.columns(['job_id', 'attempt', 'first_row']).doNothing())
          .execute();
        return true;
      });
    },

    async mergeSegments(row) {
      return db.transaction().execute(async (transaction) => {
        if (!(await passFence(transaction, row.job_id, row.attempt, false))) return false;
        const merged = await transaction
          .deleteFrom('segments')
          .where('job_id', '=', row.job_id)
          .where('attempt', '=', row.attempt)
          .where('first_row', '>=', row.first_row)
          .where('last_row', '<=', row.last_row)
          .returningAll()
          .execute();
        await transaction.insertInto('segments').values(storedSegment(row)).execute();
        return merged.map(segmentRow).filter(({ blob_key }) => blob_key !== row.blob_key);
      });
    },

    async listSegments(jobId) {
      const rows = await db
        .selectFrom('segments')
        .selectAll()
        .where('job_id', '=', jobId)
        .orderBy('attempt')
        .orderBy('first_row')
        .execute();
      return rows.map(segmentRow);
    },
  };
}
