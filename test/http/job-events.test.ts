import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../../src/errors.ts';
import { jobEvents } from '../../src/http/events/job-events.ts';
import { chunksOf, type SeriesRow } from '../helpers/series.ts';
import { claimOf, endingOf } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertEndedJob, insertInputs, insertJob, insertRunningJob } from './inputs.ts';
import { storeSegment } from './stored-series.ts';

const stepRow = (step: number, loss = step / 10): SeriesRow => ({ series: 'step', step, values: { loss, accuracy: 1 } });
const epochRow = (step: number): SeriesRow => ({ series: 'epoch', step, values: { val_loss: 0.5 } });

interface Got {
  event: string;
  id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: events of every kind.
  data: any;
}

/** What a client reads of a stream: the next event, all up to its end, or nothing more. */
interface Stream {
  next(): Promise<Got | null>;
  rest(): Promise<Got[]>;
  /** The next event of this name; others are passed over. */
  until(event: string): Promise<Got>;
  leave(): void;
}

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ limits: { followersAtOnce: 3 } });
});
afterAll(() => server.close());

async function follow(
  id: string,
  { query = '', lastId, at = server }: { query?: string; lastId?: string; at?: TestServer } = {},
): Promise<Stream> {
  // A connection of its own, which ends when the client leaves.
  const request = get(new URL(`/v1/jobs/${id}/events${query}`, at.address), {
    agent: false,
    headers: lastId === undefined ? {} : { 'last-event-id': lastId },
  });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'private, no-store' });
  const reader = Readable.toWeb(answer.setEncoding('utf8')).pipeThrough(new EventSourceParserStream()).getReader();
  const next = async (): Promise<Got | null> => {
    const { value } = await reader.read();
    return value ? { event: value.event!, id: value.id, data: JSON.parse(value.data) } : null;
  };
  const rest = async (): Promise<Got[]> => {
    const first = await next();
    return first ? [first, ...(await rest())] : [];
  };
  return {
    next,
    rest,
    async until(event) {
      for (;;) {
        const got = await next();
        if (!got) throw new Error(`The stream ended without ${event}`);
        if (got.event === event) return got;
      }
    },
    leave: () => {
      request.destroy();
    },
  };
}

const steps = ({ data }: Got): string[] =>
  data.map(({ series, step, attempt }: { series: string; step: number; attempt: number }) => `${series} ${step} by ${attempt}`);

/** A running job with so many rows stored. */
async function running(rows: SeriesRow[]): Promise<string> {
  const { id } = await insertRunningJob(server, await insertInputs(server));
  await server.ledger.markStarted(id, 1, null);
  if (rows.length > 0) await storeSegment(server, id, 1, chunksOf(0, rows));
  return id;
}

describe('following a job', () => {
  it('brings what is stored, then what comes, and the job as it ends', async () => {
    const id = await running([stepRow(1), stepRow(2), epochRow(2)]);
    const stream = await follow(id);
    const stored = await stream.until('rows');
    expect(steps(stored)).toEqual(['step 1 by 1', 'step 2 by 1', 'epoch 2 by 1']);
    expect(stored.id).toBe('1.2');
    expect(await stream.next()).toMatchObject({ event: 'job', data: { id, status: 'running' } });
    await storeSegment(server, id, 1, chunksOf(3, [stepRow(3)]));
    expect(await stream.until('rows')).toMatchObject({ id: '1.3', data: [{ step: 3, values: { loss: 0.3, accuracy: 1 } }] });
    await storeSegment(server, id, 1, chunksOf(4, [stepRow(4)]));
    await server.ledger.endJob(endingOf(id, 1));
    const last = await stream.rest();
    expect(last.map(({ event }) => event)).toEqual(['rows', 'end']);
    const { body } = await server.call('GET', `/v1/jobs/${id}`);
    expect(last[1]!.data).toEqual(body);
  });

  it('tells progress without the whole job', async () => {
    const id = await running([]);
    const stream = await follow(id);
    await stream.until('job');
    const progress = { phase: 'training', step: 7, total_steps: 10, fraction: 0.7, eta_s: null };
    await server.ledger.heartbeat(id, 1, { progress: { ...progress, metrics: { loss: 0.2 } }, engine_ms: 1 });
    expect((await stream.next())!).toEqual({ event: 'progress', id: undefined, data: { progress, metrics: { loss: 0.2 } } });
    stream.leave();
  });

  it('goes on behind the id that it is given, and ends at once where the job has', async () => {
    const id = await running([stepRow(1), stepRow(2), stepRow(3)]);
    await server.ledger.endJob(endingOf(id, 1));
    const read = async (lastId: string) => (await (await follow(id, { lastId })).rest()).map((got) => [got.event, got.id]);
    expect(await read('1.0')).toEqual([
      ['rows', '1.2'],
      ['end', undefined],
    ]);
    expect(await read('1.2')).toEqual([['end', undefined]]);
  });

  it.each(['1.3', '2.0', 'what', ''])(
    'answers an id that is none of the job’s (%j) with the job, and goes on from the present',
    async (lastId) => {
      const id = await running([stepRow(1), stepRow(2), stepRow(3)]);
      const stream = await follow(id, { lastId });
      expect(await stream.next()).toMatchObject({ event: 'reset', id: '1.2', data: { job: { id, status: 'running' } } });
      await storeSegment(server, id, 1, chunksOf(3, [stepRow(4)]));
      expect(steps(await stream.until('rows'))).toEqual(['step 4 by 1']);
      stream.leave();
    },
  );

  it('says which rows no longer count once an attempt goes on from a checkpoint', async () => {
    const id = await running([stepRow(1), stepRow(2), stepRow(3), stepRow(4)]);
    const stream = await follow(id);
    await stream.until('rows');
    await server.ledger.releaseJob(id, 1, 'engine_lost');
    await server.ledger.claimJob(claimOf(id, 2));
    await server.ledger.markStarted(id, 2, 2);
    expect((await stream.until('rewound')).data).toEqual({ to_step: 2 });
    await storeSegment(server, id, 2, chunksOf(0, [stepRow(3), stepRow(4)]));
    expect(steps(await stream.until('rows'))).toEqual(['step 3 by 2', 'step 4 by 2']);
    stream.leave();
    // Whoever begins later has seen none of the others.
    const later = await follow(id);
    expect(steps((await later.next())!)).toEqual(['step 1 by 1', 'step 2 by 1', 'step 3 by 2', 'step 4 by 2']);
    later.leave();
    // Whoever comes back with a row that no longer counts learns of it.
    const back = await follow(id, { lastId: '1.3' });
    expect(await back.next()).toMatchObject({ event: 'rewound', data: { to_step: 2 } });
    expect(steps((await back.next())!)).toEqual(['step 3 by 2', 'step 4 by 2']);
    back.leave();
  });

  it('can be asked for one kind of rows and some of their values', async () => {
    const id = await running([stepRow(1), epochRow(1), stepRow(2)]);
    const stream = await follow(id, { query: '?series=step&columns=loss' });
    const { data } = await stream.until('rows');
    expect(data).toEqual([1, 2].map((step) => ({ series: 'step', step, attempt: 1, values: { loss: step / 10 } })));
    stream.leave();
  });

  it('ends with a problem where the job goes away between two looks', async () => {
    const row = await insertJob(server, await insertInputs(server));
    const { ledger, blobs } = server;
    let looks = 0;
    const load = async () => {
      if (looks++ > 0) throw new Problem('GONE', 'The job was deleted');
      return row;
    };
    const selection = { series: null, columns: null };
    const events = [];
    for await (const event of jobEvents({ ledger, blobs, load, selection, lastId: null, gone: new AbortController().signal }))
      events.push(event);
    expect(events).toMatchObject([{ event: 'job' }, { event: 'problem', data: { code: 'GONE', status: 410 } }]);
  });

  it('is there for the job’s tenant alone, and has no body for HEAD', async () => {
    const theirs = await insertRunningJob(server, await insertInputs(server, 'bob'));
    expect((await server.call('GET', `/v1/jobs/${theirs.id}/events`)).status).toBe(404);
    const { id } = await insertRunningJob(server, await insertInputs(server));
    expect(await server.call('HEAD', `/v1/jobs/${id}/events`)).toMatchObject({ status: 200, text: '' });
  });

  it('is for so many at once, and for the next when one has left', async () => {
    const { id } = await insertRunningJob(server, await insertInputs(server));
    const streams = await Promise.all([1, 2, 3].map(() => follow(id)));
    const refused = await server.call('GET', `/v1/jobs/${id}/events`);
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    for (const stream of streams) stream.leave();
    const ended = await insertEndedJob(server, await insertInputs(server));
    await expect.poll(async () => (await server.call('GET', `/v1/jobs/${ended.id}/events`)).status).toBe(200);
  });

  it('ends when the server closes, for clients to come again', async () => {
    const other = await startServer();
    const { id } = await insertRunningJob(other, await insertInputs(other));
    const stream = await follow(id, { at: other });
    await stream.until('job');
    await other.close();
    expect(await stream.rest()).toEqual([]);
  });
});
