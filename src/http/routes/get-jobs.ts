import Type from 'typebox';
import { idPattern } from '../../jobs/ids.ts';
import { readJobSummary } from '../../jobs/read-view.ts';
import { JOB_TYPES } from '../../jobs/spec/index.ts';
import { JobSummary } from '../../jobs/summary.ts';
import { choice } from '../../schema.ts';
import { LISTED_JOB } from '../examples.ts';
import { JOBS_LINKS } from '../links.ts';
import { pageQuery } from '../pages.ts';
import { route } from '../route.ts';
import { pageOf, pageParameters } from '../schemas.ts';

export const JobPage = pageOf(JobSummary, 'JobPage');

export const getJobs = route({
  method: 'GET',
  path: '/v1/jobs',
  operationId: 'listJobs',
  summary: 'List jobs, newest first',
  description: 'Each with where it stands and the figures of its result; `GET /v1/jobs/{id}` has the specification and the whole result.',
  tag: 'Jobs',
  access: 'read',
  query: Type.Object(
    {
      status: Type.Optional(choice(['queued', 'running', 'pausing', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled'])),
      type: Type.Optional(choice([...JOB_TYPES])),
      parent_job_id: Type.Optional(
        Type.String({ pattern: idPattern('job'), description: 'Only the jobs that this comparison is made of.' }),
      ),
      ...pageParameters('job'),
    },
    { additionalProperties: false },
  ),
  answers: {
    200: {
      links: JOBS_LINKS,
      description: 'A page of jobs.',
      content: { 'application/json': { schema: JobPage, example: { data: [LISTED_JOB], has_more: false, next: null } } },
    },
  },
  problems: ['INVALID_CURSOR'],

  async handle({ principal, query, services: { ledger } }) {
    const { status, type, parent_job_id } = query;
    const page = await ledger.listJobs(principal.tenant, { ...pageQuery('job', query), status, type, parent_job_id });
    const data = await Promise.all(page.rows.map((row) => readJobSummary(ledger, row)));
    return { data, has_more: page.has_more, next: page.has_more ? (data.at(-1)?.id ?? null) : null };
  },
});
