import { type Executor, HELD, type HeldStatus } from '../database.ts';

/**
 * Passes only the newest attempt of a job that has not ended, and takes the job's row for the rest of the transaction: what the attempt then writes,
 * it writes while nobody can take the job from it. Counts as a change of the job where `revise` is set. The job's status, or null for a fenced
 * attempt.
 */
export async function passFence(executor: Executor, jobId: string, n: number, revise: boolean): Promise<HeldStatus | null> {
  const held = await executor
    .updateTable('jobs')
    .set(({ eb }) => ({ revision: eb('revision', '+', revise ? 1 : 0) }))
    .where('id', '=', jobId)
    .where('attempt', '=', n)
    .where('status', 'in', HELD)
    .returning('status')
    .executeTakeFirst();
  return (held?.status as HeldStatus | undefined) ?? null;
}

/** Marks an attempt ended; from then on the fence is shut to it. */
export async function endAttempt(
  executor: Executor,
  jobId: string,
  n: number,
  end: { ended_at: number; end: string; engine_ms?: number },
): Promise<void> {
  await executor.updateTable('attempts').set(end).where('job_id', '=', jobId).where('n', '=', n).where('ended_at', 'is', null).execute();
}
