import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkOf, chunksOf, type SeriesRow } from '../helpers/series.ts';
import { claimOf } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob, insertRunningJob } from './inputs.ts';
import { storeSegment } from './stored-series.ts';

const stepRow = (step: number, loss: number | null = step / 10): SeriesRow => ({ series: 'step', step, values: { loss } });

describe('the series of a job', () => {
  let server: TestServer;
  let id: string;
  beforeAll(async () => {
    server = await startServer();
    ({ id } = await insertRunningJob(server, await insertInputs(server)));
    const store = (attempt: number, from: number, rows: SeriesRow[]) => storeSegment(server, id, attempt, chunksOf(from, rows));
    await server.ledger.markStarted(id, 1, null);
    await store(1, 0, [stepRow(1), stepRow(2), { series: 'epoch', step: 2, values: { val_loss: 0.5, val_accuracy: null } }]);
    await store(1, 3, [stepRow(3), stepRow(4), { series: 'epoch', step: 4, values: { val_loss: 0.4 } }]);
    // The second attempt is lost before it computes anything; the third goes on from step 3 and makes step 4 again.
    await server.ledger.releaseJob(id, 1, 'engine_lost');
    await server.ledger.claimJob(claimOf(id, 2));
    await server.ledger.releaseJob(id, 2, 'engine_lost');
    await server.ledger.claimJob(claimOf(id, 3));
    await server.ledger.markStarted(id, 3, 3);
    await store(3, 0, [stepRow(4, 0.44), stepRow(5)]);
  });
  afterAll(() => server.close());

  const read = async (query = '', headers: Record<string, string> = {}) =>
    server.call('GET', `/v1/jobs/${id}/metrics${query}`, { headers });
  const steps = (body: { data: { series: string; step: number; attempt: number }[] }) =>
    body.data.map(({ series, step, attempt }) => `${series} ${step} by ${attempt}`);

  it('reads as if the job had not been interrupted', async () => {
    const { body } = await read();
    expect(steps(body)).toEqual(['step 1 by 1', 'step 2 by 1', 'epoch 2 by 1', 'step 3 by 1', 'step 4 by 3', 'step 5 by 3']);
    expect(body.data[4].values).toEqual({ loss: 0.44 });
    expect(body.data[2].values).toEqual({ val_loss: 0.5, val_accuracy: null });
    expect(body.has_more).toBe(false);
  });

  it('can be asked for one of its kinds', async () => {
    expect(steps((await read('?series=epoch')).body)).toEqual(['epoch 2 by 1']);
    expect(steps((await read('?series=prune')).body)).toEqual([]);
  });

  it('can be asked for some of its steps', async () => {
    expect(steps((await read('?from_step=2&to_step=4')).body)).toEqual(['step 2 by 1', 'epoch 2 by 1', 'step 3 by 1', 'step 4 by 3']);
    expect(steps((await read('?from_step=5')).body)).toEqual(['step 5 by 3']);
    expect(steps((await read('?to_step=0')).body)).toEqual([]);
  });

  it('can be asked for some of its values: other rows have none', async () => {
    const { body } = await read('?columns=val_loss,loss&from_step=2&to_step=2');
    expect(body.data.map(({ values }: { values: object }) => values)).toEqual([{ loss: 0.2 }, { val_loss: 0.5 }]);
    const { text } = await read('?columns=val_accuracy,loss&to_step=1', { accept: 'text/csv' });
    expect(text).toBe('series,step,attempt,val_accuracy,loss\r\nstep,1,1,,0.1\r\n');
  });

  it('comes in pages that meet without a gap', async () => {
    const whole = steps((await read()).body);
    for (const limit of [1, 2, 3, 4, 5]) {
      const pages: string[] = [];
      let after = '';
      for (;;) {
        const { body } = await read(`?limit=${limit}${after}`);
        pages.push(...steps(body));
        if (!body.has_more) break;
        after = `&after=${body.next}`;
      }
      expect(pages).toEqual(whole);
    }
  });

  it('can be followed: the cursor of the last row stays good', async () => {
    const { body } = await read();
    expect(body.next).toBe('3.1');
    expect((await read(`?after=${body.next}`)).body).toEqual({ data: [], has_more: false, next: '3.1' });
  });

  it('is empty before the first row, and another tenant’s is not there', async () => {
    const inputs = await insertInputs(server);
    const queued = await insertJob(server, inputs);
    expect((await server.call('GET', `/v1/jobs/${queued.id}/metrics`)).body).toEqual({ data: [], has_more: false, next: null });
    const foreign = await insertJob(server, await insertInputs(server, 'bob'));
    expect((await server.call('GET', `/v1/jobs/${foreign.id}/metrics`)).status).toBe(404);
  });

  it('comes as CSV to who prefers it', async () => {
    const { headers, text } = await read('?limit=3', { accept: 'text/csv' });
    expect(headers.get('content-type')).toMatch(/^text\/csv/);
    expect(text).toBe('series,step,attempt,loss,val_loss,val_accuracy\r\nstep,1,1,0.1,,\r\nstep,2,1,0.2,,\r\nepoch,2,1,,0.5,\r\n');
    expect(headers.get('link')).toBe(`</v1/jobs/${id}/metrics?limit=3&after=1.2>; rel="next"`);
    expect((await read('', { accept: 'text/csv' })).headers.get('link')).toBeNull();
    for (const accept of ['application/json', '*/*', 'text/csv;q=0.5, application/json', 'text/html']) {
      expect((await read('', { accept })).headers.get('content-type')).toMatch(/^application\/json/);
    }
  });

  it('is drawn with few points, each with the first, the last, the smallest and the largest value of its rows', async () => {
    const { body } = await read('?points=2&columns=loss');
    // Steps 1 to 5 in two equal parts: 1 and 2 and 3, then 4 and 5, both of which the third attempt made.
    expect(body).toEqual({
      series: 'step',
      points: [
        {
          from_step: 1,
          to_step: 3,
          rows: 3,
          values: {
            loss: { first: 0.1, first_step: 1, last: 0.3, last_step: 3, min: 0.1, min_step: 1, max: 0.3, max_step: 3, non_finite: 0 },
          },
        },
        {
          from_step: 4,
          to_step: 5,
          rows: 2,
          values: {
            loss: { first: 0.44, first_step: 4, last: 0.5, last_step: 5, min: 0.44, min_step: 4, max: 0.5, max_step: 5, non_finite: 0 },
          },
        },
      ],
    });
    const { text, headers } = await read('?points=2&columns=loss&from_step=4', { accept: 'text/csv' });
    expect(headers.get('content-type')).toMatch(/^text\/csv/);
    expect(text).toBe(
      'series,from_step,to_step,rows,column,first,first_step,last,last_step,min,min_step,max,max_step,non_finite\r\n' +
        'step,4,4,1,loss,0.44,4,0.44,4,0.44,4,0.44,4,0\r\nstep,5,5,1,loss,0.5,5,0.5,5,0.5,5,0.5,5,0\r\n',
    );
  });

  it('says of points without a finite value how many rows they have', async () => {
    const { body } = await read('?points=2&series=epoch');
    expect(body.points).toMatchObject([
      { rows: 1, values: { val_loss: { first: 0.5 }, val_accuracy: { first: null, max: null, non_finite: 1 } } },
    ]);
    expect((await read('?points=2&series=prune')).body).toEqual({ series: 'prune', points: [] });
  });

  it.each([
    ['?after=7', 400, 'INVALID_CURSOR'],
    ['?after=1.0.2', 400, 'INVALID_CURSOR'],
    ['?after=-1.0', 400, 'INVALID_CURSOR'],
    ['?series=steps', 422, 'VALIDATION_FAILED'],
    ['?limit=100000', 422, 'VALIDATION_FAILED'],
    ['?points=1', 422, 'VALIDATION_FAILED'],
    ['?points=10001', 422, 'VALIDATION_FAILED'],
    ['?points=10&limit=5', 422, 'VALIDATION_FAILED'],
    ['?points=10&after=1.2', 422, 'VALIDATION_FAILED'],
    ['?columns=', 422, 'VALIDATION_FAILED'],
    ['?from_step=-1', 422, 'VALIDATION_FAILED'],
    ['?from_step=5&to_step=4', 422, 'VALIDATION_FAILED'],
    ['?point=10', 422, 'VALIDATION_FAILED'],
  ])('refuses %s', async (query, status, code) => {
    expect(await read(query)).toMatchObject({ status, body: { code } });
  });
});

describe('the series of a job that started over', () => {
  it('is that of the last attempt alone', async () => {
    const server = await startServer();
    const { id } = await insertRunningJob(server, await insertInputs(server));
    await server.ledger.markStarted(id, 1, null);
    await storeSegment(server, id, 1, chunksOf(0, [stepRow(0), stepRow(1)]));
    await server.ledger.releaseJob(id, 1, 'engine_lost');
    await server.ledger.claimJob(claimOf(id, 2));
    const read = async () => (await server.call('GET', `/v1/jobs/${id}/metrics`)).body.data.length;
    expect(await read()).toBe(2);
    await server.ledger.markStarted(id, 2, null);
    expect(await read()).toBe(0);
    await server.close();
  });
});

describe('a series whose rows are wide', () => {
  let server: TestServer;
  let id: string;
  beforeAll(async () => {
    server = await startServer();
    ({ id } = await insertRunningJob(server, await insertInputs(server)));
    const values = Object.fromEntries(Array.from({ length: 150_000 / 2 }, (_, index) => [`w${index}:weight_norm`, index]));
    const rows = [100, 200, 300].map((step): SeriesRow => ({ series: 'layer', step, values }));
    await storeSegment(server, id, 1, [chunkOf(0, rows)]);
  });
  afterAll(() => server.close());

  it('has fewer rows on a page than were asked for, and has more', async () => {
    const { body } = await server.call('GET', `/v1/jobs/${id}/metrics?limit=1000`);
    expect(body.data.map(({ step }: { step: number }) => step)).toEqual([100, 200]);
    expect(body).toMatchObject({ has_more: true, next: '1.1' });
  });

  it('is drawn with named columns only', async () => {
    const refused = await server.call('GET', `/v1/jobs/${id}/metrics?series=layer&points=10`);
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', detail: expect.stringContaining('10 points may have 20000 columns') },
    });
    const { body } = await server.call('GET', `/v1/jobs/${id}/metrics?series=layer&points=2&columns=w7:weight_norm`);
    expect(body.points.map(({ rows }: { rows: number }) => rows)).toEqual([2, 1]);
    expect(Object.keys(body.points[0].values)).toEqual(['w7:weight_norm']);
  });
});
