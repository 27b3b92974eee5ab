import { readReport } from '../../jobs/read-report.ts';
import { PAGE_POLICY } from '../../report/page/policy.ts';
import { preferred } from '../accept.ts';
import { bodyTag, matchesNone } from '../content/etag.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { ReportView, reportView } from '../views/report.ts';

const HTML_TYPE = 'text/html';
const JSON_TYPE = 'application/json';

export const getJobReport = route({
  method: 'GET',
  path: '/v1/jobs/:id/report',
  operationId: 'getJobReport',
  summary: 'Read a job’s report',
  description:
    'What a job did, for those who were not there: in words, what is not proven among them, then with charts and tables. A page that asks for nothing from anywhere, ' +
    'to be kept, sent and printed (docs/report.md); or, by `Accept`, the same as JSON. A job that has not ended has a report of what is known so far.',
  tag: 'Jobs',
  access: 'read',
  params: JOB_ID,
  headers: {
    'If-None-Match': { description: 'The entity tag of the answer before, for which there may be nothing new.', schema: Text },
  },
  answers: {
    200: {
      description: 'The report.',
      content: {
        [HTML_TYPE]: { schema: Text, example: '<!doctype html>…' },
        [JSON_TYPE]: { schema: ReportView },
      },
      headers: { ETag: { description: 'Of the whole answer.', schema: Text } },
    },
    304: { description: 'The report is as If-None-Match knows it.' },
  },
  problems: ['NOT_FOUND', 'GONE', 'TOO_MANY_REQUESTS'],

  async handle({ principal, params, services: { ledger, blobs, reports, reporting }, request, reply }) {
    const id = params.id as string;
    const row = living(await ledger.findJob(principal.tenant, id), 'job', id);
    const page = preferred(request.headers.accept, HTML_TYPE, JSON_TYPE) === HTML_TYPE;
    const body = await reporting.within(async () => {
      const report = await readReport(ledger, blobs, row);
      return page ? reports.render(report) : JSON.stringify(reportView(report));
    });
    const tag = bodyTag(body);
    reply.headers({ etag: tag, vary: 'accept', 'cache-control': 'private, no-cache' });
    if (matchesNone(request.headers['if-none-match'], tag)) return reply.code(304).send();
    if (page) reply.header('content-security-policy', `${PAGE_POLICY}; frame-ancestors 'none'; sandbox`);
    return reply.type(`${page ? HTML_TYPE : JSON_TYPE}; charset=utf-8`).send(body);
  },
});
