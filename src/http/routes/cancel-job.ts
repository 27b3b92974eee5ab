import { Problem } from '../../errors.ts';
import { dropOutputs } from '../../jobs/outputs.ts';
import { readJobView } from '../../jobs/read-view.ts';
import { JobView } from '../../jobs/view.ts';
import type { JobRow } from '../../ledger/ledger.ts';
import { salvage } from '../../salvage/salvage.ts';
import { RUNNING_JOB } from '../examples.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import type { Services } from '../services.ts';

export const cancelJob = route({
  method: 'POST',
  path: '/v1/jobs/:id/cancel',
  operationId: 'cancelJob',
  summary: 'Cancel a job',
  description:
    'Asks a running job to end, and ends a queued or paused one at once. What it has trained so far stays as a model, of its best checkpoint or else of the step it is at: `result` has its `model_id`, `partial` and the `step` it is from, and is null where no step was taken yet. Asking again changes nothing. A job that ends by itself first stays ended so.',
  tag: 'Jobs',
  access: 'write',
  params: JOB_ID,
  answers: {
    202: {
      description: 'The job is being cancelled, or is cancelled.',
      content: { 'application/json': { schema: JobView, example: { ...RUNNING_JOB, status: 'cancelling', revision: 4 } } },
      headers: { Location: { description: 'Where the job is.', schema: Text } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'JOB_HAS_ENDED'],

  async handle({ principal, params, services, request, reply }) {
    const { ledger } = services;
    const id = params.id as string;
    await endUnheld(living(await ledger.findJob(principal.tenant, id), 'job', id), services);
    const row = living(await ledger.requestCancel(principal.tenant, id), 'job', id);
    if (row.status !== 'cancelling' && row.status !== 'cancelled') {
      throw new Problem('JOB_HAS_ENDED', `The job ${id} has ended: it ${row.status === 'failed' ? 'failed' : 'succeeded'}`);
    }
    request.log.info({ job_id: id, status: row.status }, 'Job was asked to end');
    return reply
      .code(202)
      .header('location', `/v1/jobs/${id}`)
      .send(await readJobView(ledger, row));
  },
});

/** Ends a job that no worker has, with a model of its checkpoint. Does nothing where there is none, and where a worker was quicker. */
async function endUnheld(row: JobRow, services: Services): Promise<void> {
  if ((row.status !== 'queued' && row.status !== 'paused') || row.attempt === 0) return;
  const { warning, ...left } = await salvage(row, services);
  if (left.result === null && warning === null) return;
  const { ledger, blobs } = services;
  if (!(await ledger.cancelUnheld({ job_id: row.id, attempt: row.attempt, ...left, warning }))) await dropOutputs(left, blobs);
}
