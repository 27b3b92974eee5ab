import type { Executor } from '../database.ts';
import type { JobStatus, Time } from '../ledger.ts';
import { endAttempt } from './fence.ts';

/** Where a job goes when the attempt that held it is gone, by where it was. */
const AFTER = { running: 'queued', pausing: 'paused', cancelling: 'cancelled' } as const satisfies Partial<Record<JobStatus, JobStatus>>;

/** Takes a job from its newest attempt; false when the attempt does not hold it. */
export async function releaseAttempt(executor: Executor, jobId: string, n: number, end: string, now: Time): Promise<boolean> {
  for (const [from, to] of Object.entries(AFTER) as [keyof typeof AFTER, JobStatus][]) {
    const { numUpdatedRows } = await executor
      .updateTable('jobs')
      .set(({ eb }) => ({ status: to, revision: eb('revision', '+', 1), ...(to === 'cancelled' ? { finished_at: now } : {}) }))
      .where('id', '=', jobId)
      .where('attempt', '=', n)
      .where('status', '=', from)
      .executeTakeFirst();
    if (numUpdatedRows === 1n) {
      await endAttempt(executor, jobId, n, { ended_at: now, end });
      return true;
    }
  }
  return false;
}
