import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemDocument } from '../../src/errors.ts';
import { newId } from '../../src/jobs/ids.ts';
import type { DatasetRow, ModelRow } from '../../src/ledger/ledger.ts';
import { artifactSample, claimOf, endingOf } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertEndedJob, insertInputs, insertJob, insertRunningJob } from './inputs.ts';

const carried = {
  phase: 'training' as const,
  step: 50,
  total_steps: 100,
  fraction: 0.5,
  eta_s: { low: 3, high: 5 },
  metrics: { loss: 0.25, gradient_norm: null },
};

describe('looking at a job', () => {
  let server: TestServer;
  let inputs: { model: ModelRow; dataset: DatasetRow };
  beforeAll(async () => {
    server = await startServer();
    inputs = await insertInputs(server);
  });
  afterAll(() => server.close());

  const look = (id: string, headers: Record<string, string> = {}) => server.call('GET', `/v1/jobs/${id}`, { headers });

  it('shows progress, metrics and where the newest attempt went on from', async () => {
    const { id } = await insertRunningJob(server, inputs);
    await server.ledger.heartbeat(id, 1, { progress: { ...carried, step: 20 }, engine_ms: 1 });
    await server.ledger.releaseJob(id, 1, 'engine_lost');
    await server.ledger.claimJob(claimOf(id, 2));
    await server.ledger.markStarted(id, 2, 40);
    await server.ledger.heartbeat(id, 2, { progress: carried, engine_ms: 1 });
    const { metrics, ...progress } = carried;
    const { status, headers, body } = await look(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'running', attempt: 2, resumed_from_step: 40, progress, metrics, queue_position: null });
    expect(body.started_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(body.finished_at).toBeNull();
    expect(headers.get('retry-after')).toBe('1');
  });

  it('answers 200 to a job that failed, with the problem it failed with', async () => {
    const error = problemDocument('NON_FINITE_GRADIENT', 'Step 3');
    const { id } = await insertEndedJob(server, inputs, { status: 'failed', result: null, error });
    const { status, headers, body } = await look(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'failed', error: { code: 'NON_FINITE_GRADIENT', retryable: false }, result: null });
    expect(headers.get('retry-after')).toBeNull();
    expect(body.links.cancel).toBeUndefined();
  });

  it('shows the result and the artifacts of one that succeeded', async () => {
    const row = await insertRunningJob(server, inputs);
    const artifact = artifactSample(row.id, { id: newId('art'), tenant: 'default' });
    await server.ledger.endJob(endingOf(row.id, 1, { result: { model_id: inputs.model.id }, artifacts: [artifact] }));
    const { body } = await look(row.id);
    expect(body).toMatchObject({
      status: 'succeeded',
      result: { model_id: inputs.model.id },
      artifacts: [{ id: artifact.id, job_id: row.id }],
    });
    expect(body.links.model).toBe(`/v1/models/${inputs.model.id}`);
  });

  it('answers 304 as long as nothing changes, and again 200 when something has', async () => {
    const { id } = await insertRunningJob(server, inputs);
    const first = await look(id);
    const tag = first.headers.get('etag') as string;
    expect(tag).toMatch(/^"[^"]+"$/);
    for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const unchanged = await look(id, { 'if-none-match': known });
      expect(unchanged).toMatchObject({ status: 304, text: '' });
      expect(unchanged.headers.get('etag')).toBe(tag);
      expect(unchanged.headers.get('retry-after')).toBe('1');
    }
    await server.ledger.heartbeat(id, 1, { progress: carried, engine_ms: 1 });
    const changed = await look(id, { 'if-none-match': tag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(tag);
  });

  it('is 404 for another tenant’s job and for none, and 410 for a deleted one', async () => {
    const foreign = await insertJob(server, await insertInputs(server, 'bob'));
    expect((await look(foreign.id)).status).toBe(404);
    expect((await look('job_01JZ3V9X0N8Q4Y7B2C5D6E8F9G')).status).toBe(404);
    const { id } = await insertEndedJob(server, inputs);
    await server.ledger.deleteJob('default', id);
    expect(await look(id)).toMatchObject({ status: 410, body: { code: 'GONE' } });
  });

  describe('with Prefer: wait', () => {
    it('answers when the status changes', async () => {
      const { id } = await insertJob(server, inputs);
      const waiting = look(id, { prefer: 'wait=30' });
      // The question has been read once another one, asked after it, is answered.
      await look(id);
      await server.ledger.claimJob(claimOf(id, 1));
      const { headers, body } = await waiting;
      expect(body.status).toBe('running');
      expect(headers.get('preference-applied')).toBe('wait=30');
    });

    it('is not woken by progress', async () => {
      const { id } = await insertRunningJob(server, inputs);
      const waiting = look(id, { prefer: 'respond-async, wait=30' });
      await server.ledger.heartbeat(id, 1, { progress: carried, engine_ms: 1 });
      const first = await Promise.race([waiting.then(() => 'answered'), look(id).then(() => 'still waiting')]);
      expect(first).toBe('still waiting');
      await server.ledger.endJob(endingOf(id, 1));
      expect((await waiting).body.status).toBe('succeeded');
    });

    it('answers at once when the job has ended', async () => {
      const { id } = await insertEndedJob(server, inputs);
      expect((await look(id, { prefer: 'wait=60' })).body.status).toBe('succeeded');
    });

    it('answers after the time asked for, with the job as it is', async () => {
      const { id } = await insertJob(server, inputs);
      const begun = performance.now();
      expect((await look(id, { prefer: 'wait=1' })).body.status).toBe('queued');
      expect(performance.now() - begun).toBeGreaterThan(990);
    });

    it('ends when the server closes', async () => {
      const own = await startServer();
      const { id } = await insertJob(own, await insertInputs(own));
      const waiting = own.call('GET', `/v1/jobs/${id}`, { headers: { prefer: 'wait=60' } });
      await own.call('GET', `/v1/jobs/${id}`);
      const closing = own.app.close();
      expect((await waiting).body.status).toBe('queued');
      await closing;
      await own.close();
    });
  });
});

describe('the list of jobs', () => {
  let server: TestServer;
  let inputs: { model: ModelRow; dataset: DatasetRow };
  beforeAll(async () => {
    server = await startServer();
    inputs = await insertInputs(server);
  });
  afterAll(() => server.close());

  it('is newest first, in pages, by status and type', async () => {
    const rows = [await insertJob(server, inputs), await insertEndedJob(server, inputs), await insertRunningJob(server, inputs)];
    const ids = rows.map(({ id }) => id).reverse();
    const list = async (query: string) => (await server.call('GET', `/v1/jobs${query}`)).body;
    const first = await list('?limit=2');
    expect(first).toMatchObject({ has_more: true, next: ids[1] });
    expect(first.data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
    expect((await list(`?limit=2&after=${first.next}`)).data.map(({ id }: { id: string }) => id)).toEqual(ids.slice(2));
    expect((await list('?status=succeeded')).data.map(({ id }: { id: string }) => id)).toEqual([rows[1]?.id]);
    expect((await list('?type=prune')).data).toEqual([]);
    expect((await list('?type=train')).data).toHaveLength(3);
  });

  it('has of each where it stands and the figures of its result, and nothing that grows with it', async () => {
    const { id } = await insertRunningJob(server, inputs);
    await server.ledger.heartbeat(id, 1, { progress: carried, engine_ms: 1 });
    const test = (accuracy: number) => ({ accuracy: { value: accuracy }, loss: { value: 1 - accuracy } });
    const claim = { verdict: 'proven', reason: 'MEASURED', detail: 'x'.repeat(5000) };
    const receipt = {
      original: { parameters: 100, macs: 1000, file_bytes: 4000, test: test(0.9) },
      result: { parameters: 50, macs: 400, file_bytes: 2000, test: { ...test(0.875), loss: { value: null } } },
      claims: { smaller: claim, faster: { ...claim, verdict: 'not_proven' }, as_accurate: { ...claim, verdict: 'refuted' } },
    };
    const newest = async () => (await server.call('GET', '/v1/jobs?limit=1')).body.data[0];
    expect(await newest()).toMatchObject({ id, progress: { step: 50 }, metrics: { loss: 0.25 }, headline: null });
    const result = { model_id: inputs.model.id, receipt, target: { met: true }, checks: { verdict: 'failed' } };
    await server.ledger.endJob(endingOf(id, 1, { result }));
    const listed = await newest();
    expect(listed).toMatchObject({ id, status: 'succeeded', model_id: inputs.model.id, dataset_id: inputs.dataset.id });
    expect(listed.headline).toEqual({
      model_id: inputs.model.id,
      accuracy: { original: 0.9, result: 0.875 },
      loss: null,
      parameters: { original: 100, result: 50 },
      macs: { original: 1000, result: 400 },
      file_bytes: { original: 4000, result: 2000 },
      claims: { smaller: 'proven', faster: 'not_proven', as_accurate: 'refuted' },
      target_met: true,
      verdict: 'failed',
      best_candidate: null,
      tied: null,
    });
    for (const whole of ['spec', 'result', 'artifacts', 'warnings']) expect(listed).not.toHaveProperty(whole);
  });

  it.each([
    ['?limit=0', 'VALIDATION_FAILED', 422],
    ['?limit=1000', 'VALIDATION_FAILED', 422],
    ['?limit=ten', 'VALIDATION_FAILED', 422],
    ['?statsu=queued', 'VALIDATION_FAILED', 422],
    ['?status=running&status=queued', 'VALIDATION_FAILED', 422],
    ['?after=1', 'INVALID_CURSOR', 400],
    ['?after=mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G', 'INVALID_CURSOR', 400],
  ])('refuses %s', async (query, code, status) => {
    expect(await server.call('GET', `/v1/jobs${query}`)).toMatchObject({ status, body: { code } });
  });
});
