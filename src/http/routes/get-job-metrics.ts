import Type from 'typebox';
import { Problem } from '../../errors.ts';
import { Metrics, SERIES } from '../../jobs/progress.ts';
import { type PlacedRow, parsePlace, printPlace, readSeries } from '../../jobs/series.ts';
import { choice, strictObject } from '../../schema.ts';
import { preferred } from '../accept.ts';
import { SERIES_PAGE } from '../limits.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { seriesCsv } from '../series-csv.ts';

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';

export const MetricsPage = strictObject(
  {
    data: Type.Array(
      strictObject({
        series: choice([...SERIES], {
          description:
            '`step`: every training step. `epoch`: after each evaluation. `prune`: after each cut. `layer`: every so many steps.',
        }),
        step: Type.Integer({ minimum: 0 }),
        attempt: Type.Integer({ minimum: 1 }),
        values: Metrics,
      }),
    ),
    has_more: Type.Boolean(),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'What `after` takes to go on, also while the job still writes; null before the first row.',
    }),
  },
  { title: 'MetricsPage' },
);

export const getJobMetrics = route({
  method: 'GET',
  path: '/v1/jobs/:id/metrics',
  operationId: 'getJobMetrics',
  summary: 'Read a job’s series',
  description:
    'What was measured at every step, epoch and cut, in order, as if the job had not been interrupted. Rows arrive a few seconds after they happen.',
  tag: 'Jobs',
  access: 'read',
  params: JOB_ID,
  query: Type.Object(
    {
      series: Type.Optional(choice([...SERIES], { description: 'Only this one; left out, all of them.' })),
      after: Type.Optional(Type.String({ description: 'The `next` of the page before.' })),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: SERIES_PAGE.most, default: SERIES_PAGE.default, description: 'Rows of the page.' }),
      ),
    },
    { additionalProperties: false },
  ),
  answers: {
    200: {
      description: 'Rows, as JSON or, by `Accept`, as CSV.',
      content: {
        [JSON_TYPE]: {
          schema: MetricsPage,
          example: {
            data: [{ series: 'step', step: 1, attempt: 1, values: { loss: 2.31, gradient_norm: 1.7 } }],
            has_more: true,
            next: '1.0.0',
          },
        },
        [CSV_TYPE]: { schema: Text, example: 'series,step,attempt,loss,gradient_norm\r\nstep,1,1,2.31,1.7\r\n' },
      },
      headers: { Link: { description: 'For CSV: the next page, where there is one.', schema: Text, required: false } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'INVALID_CURSOR'],

  async handle({ principal, params, query, services: { ledger, blobs }, request, reply, gone }) {
    const id = params.id as string;
    living(await ledger.findJob(principal.tenant, id), 'job', id);
    const { series = null, limit = SERIES_PAGE.default } = query;
    const after = query.after === undefined ? null : parsePlace(query.after);
    if (query.after !== undefined && !after) {
      throw new Problem('INVALID_CURSOR', `The parameter 'after' takes the 'next' of the page before. Received: ${query.after}`);
    }
    const rows: PlacedRow[] = [];
    let has_more = false;
    for await (const row of readSeries(ledger, blobs, id, { series, after })) {
      has_more = rows.length === limit;
      if (has_more || gone.aborted) break;
      rows.push(row);
    }
    const last = rows.at(-1)?.place ?? after;
    const next = last && printPlace(last);
    reply.header('vary', 'accept');
    if (preferred(request.headers.accept, JSON_TYPE, CSV_TYPE) === CSV_TYPE) {
      const parameters = new URLSearchParams({ ...(series ? { series } : {}), limit: `${limit}`, after: `${next}` });
      if (has_more) reply.header('link', `</v1/jobs/${id}/metrics?${parameters}>; rel="next"`);
      return reply.type('text/csv; charset=utf-8; header=present').send(seriesCsv(rows));
    }
    return { data: rows.map(({ place: _, ...row }) => row), has_more, next };
  },
});
