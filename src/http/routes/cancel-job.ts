import { Problem } from '../../errors.ts';
import { readJobView } from '../../jobs/read-view.ts';
import { JobView } from '../../jobs/view.ts';
import { RUNNING_JOB } from '../examples.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';

export const cancelJob = route({
  method: 'POST',
  path: '/v1/jobs/:id/cancel',
  operationId: 'cancelJob',
  summary: 'Cancel a job',
  description:
    'Asks a running job to end, and ends a queued one at once. Asking again changes nothing. A job that ends by itself first stays ended so.',
  tag: 'Jobs',
  access: 'user',
  params: JOB_ID,
  answers: {
    202: {
      description: 'The job is being cancelled, or is cancelled.',
      content: { 'application/json': { schema: JobView, example: { ...RUNNING_JOB, status: 'cancelling', revision: 4 } } },
      headers: { Location: { description: 'Where the job is.', schema: Text } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'JOB_HAS_ENDED'],

  async handle({ principal, params, services: { ledger }, request, reply }) {
    const id = params.id as string;
    living(await ledger.findJob(principal.tenant, id), 'job', id);
    const row = living(await ledger.requestCancel(principal.tenant, id), 'job', id);
    if (row.status !== 'cancelling' && row.status !== 'cancelled') {
      throw new Problem('JOB_HAS_ENDED', `The job ${id} has ended: it ${row.status === 'failed' ? 'failed' : 'succeeded'}`);
    }
    request.log.info({ jobId: id, status: row.status }, 'Job was asked to end');
    return reply
      .code(202)
      .header('location', `/v1/jobs/${id}`)
      .send(await readJobView(ledger, row));
  },
});
