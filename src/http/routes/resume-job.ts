import { JobView } from '../../jobs/view.ts';
import { changeJob } from '../change-job.ts';
import { QUEUED_JOB } from '../examples.ts';
import { JOB_ID } from '../params.ts';
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
  access: 'write',
  params: JOB_ID,
  answers: {
    202: {
      description: 'The job is queued, or runs.',
      content: { 'application/json': { schema: JobView, example: { ...QUEUED_JOB, revision: 6, attempt: 1 } } },
      headers: { Location: { description: 'Where the job is.', schema: Text } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'JOB_HAS_ENDED', 'JOB_BEING_CANCELLED'],

  handle: (call) => changeJob(call, (ledger, tenant, id) => ledger.requestResume(tenant, id), 'Job was asked to go on'),
});
