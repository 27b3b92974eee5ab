import type { FastifyReply } from 'fastify';
import Type, { type Static } from 'typebox';
import { Problem, received } from '../../errors.ts';
import { PLACE_PATTERN, parsePlace } from '../../jobs/series/place.ts';
import { readPoints } from '../../jobs/series/read-points.ts';
import { readRows } from '../../jobs/series/read-rows.ts';
import { preferred } from '../accept.ts';
import { SERIES_PAGE, SERIES_POINTS } from '../limits.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { cursor, Text } from '../schemas.ts';
import { pointsCsv, rowsCsv } from '../series-csv.ts';
import { seriesSelection } from '../series-selection.ts';
import type { Services } from '../services.ts';
import { MetricsPage, MetricsPoints, metricsPage, metricsPoints } from '../views/series.ts';

const JSON_TYPE = 'application/json';
const CSV_TYPE = 'text/csv';

const Step = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const Query = Type.Object(
  {
    ...seriesSelection('all of them; with `points`, `step`'),
    from_step: Type.Optional({ ...Step, description: 'Only rows of this step and later ones.' }),
    to_step: Type.Optional({ ...Step, description: 'Only rows of this step and earlier ones.' }),
    after: cursor(PLACE_PATTERN),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: SERIES_PAGE.most,
        default: SERIES_PAGE.default,
        description: `Rows of the page. Fewer come where rows are wide: a page has at most ${SERIES_PAGE.mostValues} values, or one row.`,
      }),
    ),
    points: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: SERIES_POINTS.most,
        description:
          'Answers with at most so many points instead of rows. Each sums up neighbouring rows, and no peak is lost. Takes neither `after` nor `limit`.',
      }),
    ),
  },
  { additionalProperties: false },
);
type Query = Static<typeof Query>;

export const getJobMetrics = route({
  method: 'GET',
  path: '/v1/jobs/:id/metrics',
  operationId: 'getJobMetrics',
  summary: 'Read a job’s series',
  description:
    'What was measured at every step, epoch and cut, in order, as if the job had not been interrupted. Rows arrive a few seconds after they happen. ' +
    'Page by page with `after`; or with `points` all of a long series at once, as a chart needs it: the steps asked for are cut into equal parts, ' +
    'and each part that has rows is a point. Where a point spans many rows, its ends lie at blocks of 64 rows; `from_step` and `to_step` say where.',
  tag: 'Jobs',
  access: 'read',
  params: JOB_ID,
  query: Query,
  answers: {
    200: {
      description: 'Rows, or with `points` points, as JSON or, by `Accept`, as CSV.',
      content: {
        [JSON_TYPE]: {
          schema: Type.Union([MetricsPage, MetricsPoints]),
          example: {
            data: [{ series: 'step', step: 1, attempt: 1, values: { loss: 2.31, gradient_norm: 1.7 } }],
            has_more: true,
            next: '1.0',
          },
        },
        [CSV_TYPE]: { schema: Text, example: 'series,step,attempt,loss,gradient_norm\r\nstep,1,1,2.31,1.7\r\n' },
      },
      headers: { Link: { description: 'For CSV: the next page, where there is one.', schema: Text, required: false } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'INVALID_CURSOR'],

  async handle({ principal, params, query, services, request, reply }) {
    const id = params.id as string;
    living(await services.ledger.findJob(principal.tenant, id), 'job', id);
    reply.header('vary', 'accept');
    const asCsv = preferred(request.headers.accept, JSON_TYPE, CSV_TYPE) === CSV_TYPE;
    return query.points === undefined ? rows(id, query, asCsv, services, reply) : points(id, query, query.points, asCsv, services, reply);
  },
});

async function rows(id: string, query: Query, asCsv: boolean, { ledger, blobs }: Services, reply: FastifyReply) {
  const { series, limit = SERIES_PAGE.default, after } = query;
  const place = after === undefined ? null : parsePlace(after);
  if (after !== undefined && !place) {
    throw new Problem('INVALID_CURSOR', `The parameter 'after' takes the 'next' of the page before. Received: ${after}`);
  }
  const most = { rows: limit, values: SERIES_PAGE.mostValues };
  const page = metricsPage(
    await readRows(ledger, blobs, id, { ...selection(query), series: series ?? null, after: place, most }),
    after ?? null,
  );
  if (!asCsv) return page;
  const parameters = new URLSearchParams(
    Object.entries({ ...query, limit, after: page.next }).map(([name, value]): [string, string] => [name, `${value}`]),
  );
  if (page.has_more) reply.header('link', `</v1/jobs/${id}/metrics?${parameters}>; rel="next"`);
  return sendCsv(reply, rowsCsv(page, selection(query).columns));
}

async function points(id: string, query: Query, count: number, asCsv: boolean, { ledger, blobs }: Services, reply: FastifyReply) {
  for (const name of ['after', 'limit'] as const) {
    if (query[name] === undefined) continue;
    const detail = `The parameter '${name}' is one of pages of rows, and 'points' answers with all of them at once: leave out one of the two`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: `?${name}`, detail, received: received(query[name]) }] });
  }
  const { series = 'step' } = query;
  const answer = metricsPoints(series, await readPoints(ledger, blobs, id, { ...selection(query), series, points: count }));
  return asCsv ? sendCsv(reply, pointsCsv(answer)) : answer;
}

/** Throws Problem VALIDATION_FAILED for a range of steps that ends before it begins. */
function selection({ columns, from_step = 0, to_step = Number.MAX_SAFE_INTEGER }: Query) {
  if (from_step > to_step) {
    const detail = `The parameter 'to_step' must be from_step, which is ${from_step}, or more`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: '?to_step', detail, received: received(to_step) }] });
  }
  return { columns: columns?.split(',') ?? null, from_step, to_step };
}

function sendCsv(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/csv; charset=utf-8; header=present').send(text);
}
