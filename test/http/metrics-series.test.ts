import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SeriesRow } from '../../src/jobs/progress.ts';
import { claimOf, segmentSample } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob, insertRunningJob } from './inputs.ts';

const stepRow = (step: number, loss: number | null = step / 10): SeriesRow => ({ series: 'step', step, values: { loss } });

describe('the series of a job', () => {
  let server: TestServer;
  let id: string;
  beforeAll(async () => {
    server = await startServer();
    ({ id } = await insertRunningJob(server, await insertInputs(server)));
    const store = async (attempt: number, segment: number, rows: SeriesRow[]) => {
      const steps = rows.map(({ step }) => step);
      const row = segmentSample(id, attempt, segment, { first_step: Math.min(...steps), last_step: Math.max(...steps), rows: rows.length });
      await server.blobs.put(row.blob_key, Readable.from([gzipSync(JSON.stringify(rows))]));
      await server.ledger.addSegment(row);
    };
    await server.ledger.markStarted(id, 1, null);
    await store(1, 0, [stepRow(1), stepRow(2), { series: 'epoch', step: 2, values: { val_loss: 0.5, val_accuracy: null } }]);
    await store(1, 1, [stepRow(3), stepRow(4), { series: 'epoch', step: 4, values: { val_loss: 0.4 } }]);
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
    expect(body.next).toBe('3.0.1');
    expect((await read(`?after=${body.next}`)).body).toEqual({ data: [], has_more: false, next: '3.0.1' });
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
    expect(headers.get('link')).toBe(`</v1/jobs/${id}/metrics?limit=3&after=1.0.2>; rel="next"`);
    expect((await read('', { accept: 'text/csv' })).headers.get('link')).toBeNull();
    for (const accept of ['application/json', '*/*', 'text/csv;q=0.5, application/json', 'text/html']) {
      expect((await read('', { accept })).headers.get('content-type')).toMatch(/^application\/json/);
    }
  });

  it.each([
    ['?after=7', 400, 'INVALID_CURSOR'],
    ['?after=1.0', 400, 'INVALID_CURSOR'],
    ['?series=steps', 422, 'VALIDATION_FAILED'],
    ['?limit=100000', 422, 'VALIDATION_FAILED'],
    ['?points=10', 422, 'VALIDATION_FAILED'],
  ])('refuses %s', async (query, status, code) => {
    expect(await read(query)).toMatchObject({ status, body: { code } });
  });
});

describe('the series of a job that started over', () => {
  it('is that of the last attempt alone', async () => {
    const server = await startServer();
    const { id } = await insertRunningJob(server, await insertInputs(server));
    await server.ledger.markStarted(id, 1, null);
    const first = segmentSample(id, 1, 0, { first_step: 0, last_step: 1, rows: 2 });
    await server.blobs.put(first.blob_key, Readable.from([gzipSync(JSON.stringify([stepRow(0), stepRow(1)]))]));
    await server.ledger.addSegment(first);
    await server.ledger.releaseJob(id, 1, 'engine_lost');
    await server.ledger.claimJob(claimOf(id, 2));
    const read = async () => (await server.call('GET', `/v1/jobs/${id}/metrics`)).body.data.length;
    expect(await read()).toBe(2);
    await server.ledger.markStarted(id, 2, null);
    expect(await read()).toBe(0);
    await server.close();
  });
});
