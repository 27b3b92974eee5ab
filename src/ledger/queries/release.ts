import type { Database, Executor, HeldStatus } from '../database.ts';
import type { JobStatus, JobWarning } from '../ledger.ts';
import { jobRow } from '../rows.ts';
import { ended } from './ended.ts';
import { noteEvent } from './events.ts';
import { endAttempt, passFence } from './fence.ts';

type Clock = Pick<Database, 'now' | 'retention'>;

/** Where a job goes when the attempt that held it is gone, by where it was. */
const AFTER = { running: 'queued', pausing: 'paused', cancelling: 'cancelled' } as const satisfies Record<HeldStatus, JobStatus>;

/** Takes a job from its newest attempt; false when the attempt does not hold it. */
export async function releaseAttempt(executor: Executor, jobId: string, n: number, end: string, clock: Clock): Promise<boolean> {
  // The row is taken before its status is acted on: a pause or a cancel that came in between would else be lost.
  const held = await passFence(executor, jobId, n, true);
  if (held === null) return false;
  const to = AFTER[held];
  await executor
    .updateTable('jobs')
    .set({ status: to, ...(to === 'cancelled' ? ended(clock) : {}) })
    .where('id', '=', jobId)
    .execute();
  await endAttempt(executor, jobId, n, { ended_at: clock.now(), end });
  if (to === 'cancelled') {
    await warnOfLoss(executor, jobId, end);
    await noteEvent(executor, jobId, 'cancelled', clock.now());
  }
  return true;
}

/** A cancelled job that has checkpoints leaves a model, unless the attempt that was to make it is gone. */
async function warnOfLoss(executor: Executor, jobId: string, end: string): Promise<void> {
  const checkpoint = await executor.selectFrom('checkpoints').select('step').where('job_id', '=', jobId).limit(1).executeTakeFirst();
  if (!checkpoint) return;
  const job = jobRow(await executor.selectFrom('jobs').selectAll().where('id', '=', jobId).executeTakeFirstOrThrow());
  const warning: JobWarning = {
    code: 'PARTIAL_MODEL_LOST',
    detail: `No checkpoint was kept as a model: the attempt that was to do it is gone (${end})`,
  };
  await executor
    .updateTable('jobs')
    .set({ warnings: JSON.stringify([...job.warnings, warning]) })
    .where('id', '=', jobId)
    .execute();
}
