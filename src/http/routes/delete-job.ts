import { Problem } from '../../errors.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';

export const deleteJob = route({
  method: 'DELETE',
  path: '/v1/jobs/:id',
  operationId: 'deleteJob',
  summary: 'Delete a job',
  description: 'With its series and artifacts. Models that it made stay. Only once it has ended.',
  tag: 'Jobs',
  access: 'write',
  params: JOB_ID,
  answers: { 204: { description: 'The job is deleted.' } },
  problems: ['NOT_FOUND', 'GONE', 'JOB_NOT_ENDED'],

  async handle({ principal, params, services, request, reply }) {
    const { ledger } = services;
    const id = params.id as string;
    living(await ledger.findJob(principal.tenant, id), 'job', id);
    if (!(await ledger.deleteJob(principal.tenant, id))) {
      // Looked at again: another request may have deleted it meanwhile.
      const { status } = living(await ledger.findJob(principal.tenant, id), 'job', id);
      throw new Problem('JOB_NOT_ENDED', `The job ${id} is ${status}: cancel it first`);
    }
    request.log.info({ job_id: id }, 'Job was deleted');
    return reply.code(204).send();
  },
});
