import type { JobRow, Ledger } from '../ledger/ledger.ts';
import { type JobView, jobView } from './view.ts';

/** The view of a job, with what its other rows add. */
export async function readJobView(ledger: Ledger, row: JobRow): Promise<JobView> {
  const [attempts, artifacts, queuePosition] = await Promise.all([
    row.attempt > 0 ? ledger.listAttempts(row.id) : [],
    ledger.listArtifacts(row.id),
    row.status === 'queued' ? ledger.queuePosition(row.id) : null,
  ]);
  return jobView(row, { attempt: attempts.at(-1) ?? null, artifacts, queuePosition });
}
