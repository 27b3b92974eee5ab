import { type JobRow, type Ledger, TERMINAL } from '../ledger/ledger.ts';
import type { HeartbeatProgress, Progress } from './progress.ts';
import { type JobSummary, jobSummary } from './summary.ts';
import { type JobView, jobView } from './view.ts';

/** The view of a job, with what its other rows add. */
export async function readJobView(ledger: Ledger, row: JobRow): Promise<JobView> {
  const [standing, artifacts] = await Promise.all([readStanding(ledger, row), ledger.listArtifacts(row.id)]);
  return jobView(row, { ...standing, artifacts });
}

/** The job as a list shows it. */
export async function readJobSummary(ledger: Ledger, row: JobRow): Promise<JobSummary> {
  return jobSummary(row, await readStanding(ledger, row));
}

async function readStanding(ledger: Ledger, row: JobRow) {
  const [attempts, queuePosition, children] = await Promise.all([
    row.attempt > 0 ? ledger.listAttempts(row.id) : [],
    row.status === 'queued' ? ledger.queuePosition(row.id) : null,
    row.type === 'compare' ? progressOf(ledger, row) : null,
  ]);
  return { attempt: attempts.at(-1) ?? null, queuePosition, children };
}

/** How far the children of a comparison are: steps are those that have ended, and the fraction counts what the others have done. */
async function progressOf(ledger: Ledger, { id, status }: JobRow): Promise<Progress> {
  const children = await ledger.listChildren(id);
  const ended = children.filter((child) => TERMINAL.includes(child.status)).length;
  const running = children.filter((child) => child.attempt > 0 && !TERMINAL.includes(child.status));
  const parts = await Promise.all(
    running.map(async (child) => ((await ledger.listAttempts(child.id)).at(-1)?.progress as HeartbeatProgress | null)?.fraction ?? 0),
  );
  const done = parts.reduce((sum, fraction) => sum + fraction, ended);
  return {
    phase: TERMINAL.includes(status) ? 'done' : 'comparing',
    step: ended,
    total_steps: children.length,
    fraction: children.length === 0 ? 1 : Math.min(1, done / children.length),
    eta_s: null,
  };
}
