import { JobView } from '../../jobs/view.ts';
import { changeJob } from '../change-job.ts';
import { RUNNING_JOB } from '../examples.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';

export const pauseJob = route({
  method: 'POST',
  path: '/v1/jobs/:id/pause',
  operationId: 'pauseJob',
  summary: 'Pause a job',
  description:
    'A queued job is `paused` at once. A running one is `pausing` until its training has left a checkpoint after the step it is at, then `paused`, and its worker takes other jobs. A job that does not train any more, but evaluates, measures or exports, goes on to its end instead. Asking again changes nothing. A paused job stays until it is resumed or cancelled; paused time does not count against `max_runtime_s`.',
  tag: 'Jobs',
  access: 'write',
  params: JOB_ID,
  answers: {
    202: {
      description: 'The job is being paused, or is paused.',
      content: { 'application/json': { schema: JobView, example: { ...RUNNING_JOB, status: 'pausing', revision: 4 } } },
      headers: { Location: { description: 'Where the job is.', schema: Text } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'JOB_HAS_ENDED', 'JOB_BEING_CANCELLED'],

  handle: (call) => changeJob(call, (ledger, tenant, id) => ledger.requestPause(tenant, id), 'Job was asked to pause'),
});
