import { readJobView } from '../../jobs/read-view.ts';
import { JobView } from '../../jobs/view.ts';
import { QUEUED_JOB } from '../examples.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { refuseEnding } from '../refuse-ending.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';

export const resumeJob = route({
  method: 'POST',
  path: '/v1/jobs/:id/resume',
  operationId: 'resumeJob',
  summary: 'Resume a paused job',
  description:
    'It joins the queue behind the jobs that wait already, and a new attempt goes on from its newest checkpoint. A job that is still `pausing` runs on, or, where its training has stopped by then, goes on from the queue. Asking again changes nothing.',
  tag: 'Jobs',
  access: 'user',
  params: JOB_ID,
  answers: {
    202: {
      description: 'The job is queued, or runs.',
      content: { 'application/json': { schema: JobView, example: { ...QUEUED_JOB, revision: 6, attempt: 1 } } },
      headers: { Location: { description: 'Where the job is.', schema: Text } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'JOB_HAS_ENDED', 'JOB_BEING_CANCELLED'],

  async handle({ principal, params, services: { ledger, nudge }, request, reply }) {
    const id = params.id as string;
    living(await ledger.findJob(principal.tenant, id), 'job', id);
    const row = living(await ledger.requestResume(principal.tenant, id), 'job', id);
    refuseEnding(row);
    nudge();
    request.log.info({ job_id: id, status: row.status }, 'Job was asked to go on');
    return reply
      .code(202)
      .header('location', `/v1/jobs/${id}`)
      .send(await readJobView(ledger, row));
  },
});
