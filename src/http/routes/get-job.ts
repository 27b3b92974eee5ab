import type { FastifyReply } from 'fastify';
import { JobView } from '../../jobs/view.ts';
import { awaitStatus } from '../await-status.ts';
import { matchesNone } from '../content/etag.ts';
import { RUNNING_JOB } from '../examples.ts';
import type { ReadView } from '../job-views.ts';
import { LONGEST_WAIT_S } from '../limits.ts';
import { ARTIFACTS_OF_JOB_LINKS } from '../links.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { preferredWait } from '../prefer.ts';
import { type Call, route } from '../route.ts';
import { Text } from '../schemas.ts';

export const getJob = route({
  method: 'GET',
  path: '/v1/jobs/:id',
  operationId: 'getJob',
  summary: 'Look at a job',
  description: '200 whatever became of the job; `status` says it.',
  tag: 'Jobs',
  access: 'read',
  params: JOB_ID,
  headers: {
    Prefer: {
      description: `\`wait=N\` holds the answer back until the status changes, for N seconds at most, and ${LONGEST_WAIT_S} at the very most.`,
      schema: Text,
      example: 'wait=30',
    },
    'If-None-Match': { description: 'The entity tag of the answer before, for which there may be nothing new.', schema: Text },
  },
  answers: {
    200: {
      links: ARTIFACTS_OF_JOB_LINKS,
      description: 'The job.',
      content: { 'application/json': { schema: JobView, example: RUNNING_JOB } },
      headers: {
        ETag: { description: 'Of the whole answer.', schema: Text },
        'Retry-After': { description: 'Seconds after which to look again; absent once the job has ended.', schema: Text, required: false },
        'Preference-Applied': { description: 'The wait that was granted.', schema: Text, required: false },
      },
    },
    304: { description: 'The job is as If-None-Match knows it.' },
  },
  problems: ['NOT_FOUND', 'GONE'],

  handle(call) {
    const wait = preferredWait(call.request.headers.prefer);
    const { principal, params, services } = call;
    // Most polls find what the one before found, and are answered at once.
    const known = wait > 0 ? null : services.jobViews.known(services.ledger, principal.tenant, params.id as string);
    return known ? answer(call, known) : read(call, wait);
  },
});

type JobCall = Call<unknown, unknown>;

/** Waits as long as the caller asks for, and looks at the ledger. */
async function read(call: JobCall, wait: number): Promise<FastifyReply> {
  const { principal, params, services, reply, stillAllowed } = call;
  const { ledger, jobViews } = services;
  const id = params.id as string;
  const load = async () => living(await ledger.findJob(principal.tenant, id), 'job', id);
  if (wait > 0) {
    await awaitStatus(await load(), () => stillAllowed().then(load), wait, call.gone);
    reply.header('preference-applied', `wait=${wait}`);
  }
  return answer(call, await jobViews.read(ledger, principal.tenant, id, load));
}

function answer({ request, reply }: JobCall, { body, tag, ended }: ReadView): FastifyReply {
  reply.header('etag', tag).header('cache-control', 'private, no-cache');
  if (!ended) reply.header('retry-after', '1');
  if (matchesNone(request.headers['if-none-match'], tag)) return reply.code(304).send();
  return reply.header('content-type', 'application/json; charset=utf-8').send(body);
}
