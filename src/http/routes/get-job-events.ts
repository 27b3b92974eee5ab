import { Readable } from 'node:stream';
import Type from 'typebox';
import { PLACE_PATTERN } from '../../jobs/series/place.ts';
import { choice, strictObject } from '../../schema.ts';
import { jobEvents } from '../events/job-events.ts';
import { HEARTBEAT, printEvent, printRetry, type ServerEvent } from '../events/server-sent.ts';
import { living } from '../living.ts';
import { JOB_ID } from '../params.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { seriesSelection } from '../series-selection.ts';

const STREAM_TYPE = 'text/event-stream';
/** A client that is cut off comes again after so long. */
const RETRY_MS = 2_000;

/** One event; the stream is these, one after another. */
const JobEvent = strictObject(
  {
    id: Type.Optional(
      Type.String({ pattern: PLACE_PATTERN, description: 'Where a client that was cut off goes on: what Last-Event-ID takes.' }),
    ),
    event: choice(['rows', 'job', 'progress', 'rewound', 'reset', 'end', 'problem']),
    data: Type.String({ contentMediaType: 'application/json' }),
  },
  { title: 'JobEvent', description: 'One server-sent event of a job, by its fields.' },
);

const EXAMPLE = {
  id: '1.2111',
  event: 'rows',
  data: JSON.stringify([{ series: 'step', step: 2111, attempt: 1, values: { loss: 0.021 } }]),
};

export const getJobEvents = route({
  method: 'GET',
  path: '/v1/jobs/:id/events',
  operationId: 'followJob',
  summary: 'Follow a job',
  description:
    'Server-sent events until the job ends. `rows` is a list of rows as in `/metrics`, first those that are stored; `progress` has progress and metrics, `job` the ' +
    'whole job where anything else of it has changed. `rewound` comes where an attempt was lost: rows at steps beyond `to_step` that were sent do not count, and are made again. ' +
    '`end` is the last event and has the job as it ended: close the connection then, since an EventSource would come again. `problem` is the last one where the job is deleted meanwhile. ' +
    'Comments keep the connection alive. Keys travel in the header only: browsers use fetch.',
  tag: 'Jobs',
  access: 'read',
  params: JOB_ID,
  query: Type.Object(seriesSelection('all of them'), { additionalProperties: false }),
  headers: {
    'Last-Event-ID': {
      description:
        'The id of the last event that was received, or `next` of a page of `/metrics`: the rows behind it follow. An id that is none of the job’s is answered by `reset` with the job, and by what comes from now on; earlier rows are at `/metrics`.',
      schema: Text,
      example: '1.2111',
    },
  },
  answers: {
    200: {
      description: 'The stream; the schema is that of one event.',
      content: { [STREAM_TYPE]: { schema: JobEvent, example: EXAMPLE } },
    },
  },
  problems: ['NOT_FOUND', 'GONE', 'TOO_MANY_REQUESTS'],

  async handle({ principal, params, query, services: { ledger, blobs, followers }, request, reply, gone, stillAllowed }) {
    const id = params.id as string;
    const load = async () => {
      await stillAllowed();
      return living(await ledger.findJob(principal.tenant, id), 'job', id);
    };
    await load();
    reply.type(`${STREAM_TYPE}; charset=utf-8`).headers({ 'cache-control': 'private, no-store', 'x-accel-buffering': 'no' });
    if (request.method === 'HEAD') return reply.send();
    const giveUp = followers.take();
    reply.raw.once('close', giveUp);
    const lastId = request.headers['last-event-id'];
    const selection = { series: query.series ?? null, columns: query.columns?.split(',') ?? null };
    const events = jobEvents({ ledger, blobs, load, selection, lastId: typeof lastId === 'string' ? lastId : null, gone });
    return reply.send(Readable.from(printed(events)));
  },
});

async function* printed(events: AsyncIterable<ServerEvent | null>): AsyncGenerator<string> {
  yield printRetry(RETRY_MS);
  for await (const event of events) yield event === null ? HEARTBEAT : printEvent(event);
}
