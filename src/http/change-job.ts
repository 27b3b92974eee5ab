import { readJobView } from '../jobs/read-view.ts';
import type { JobRow, Ledger } from '../ledger/ledger.ts';
import { living } from './living.ts';
import { refuseEnding } from './refuse-ending.ts';
import type { Call } from './route.ts';

/** Asks the ledger for another status of a job, and answers 202 with the job. Throws NOT_FOUND, GONE, JOB_HAS_ENDED, JOB_BEING_CANCELLED. */
export async function changeJob(
  { principal, params, services: { ledger, nudge }, request, reply }: Call<unknown, unknown>,
  ask: (ledger: Ledger, tenant: string, id: string) => Promise<JobRow | null>,
  said: string,
): Promise<unknown> {
  const id = params.id as string;
  living(await ledger.findJob(principal.tenant, id), 'job', id);
  const row = living(await ask(ledger, principal.tenant, id), 'job', id);
  refuseEnding(row);
  // It, or another job of the tenant, may have its turn.
  nudge();
  request.log.info({ job_id: id, status: row.status }, said);
  return reply
    .code(202)
    .header('location', `/v1/jobs/${id}`)
    .send(await readJobView(ledger, row));
}
