import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Criterion, Optimizer } from '../../../src/jobs/spec/index.ts';
import { registerWorker, type WorkerRecord } from '../../../src/jobs/workers.ts';
import { startServer, type TestServer } from '../../http/harness.ts';
import { insertInputs, insertJob } from '../../http/inputs.ts';
import { becomesReady } from '../../jobs/ready.ts';
import { startRedis, type TestRedis } from '../../jobs/redis-server.ts';

const worker: WorkerRecord = {
  id: 'worker-1',
  queues: ['cpu'],
  device: 'cpu',
  tensorflow: '2.21.0',
  threads: 2,
  pid: 1,
  host: 'here',
  started_at: '2026-01-01T00:00:00.000Z',
};

describe('the service', () => {
  let redis: TestRedis;
  let server: TestServer;
  beforeAll(async () => {
    redis = await startRedis();
    server = await startServer({ redisUrl: redis.url });
    await becomesReady(server.redis);
  });
  afterAll(async () => {
    await server.close();
    await redis.destroy();
  });

  it('lives, whatever is missing', async () => {
    expect(await server.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok', version: expect.any(String) } });
    expect((await server.call('GET', '/healthz?nocache=1')).status).toBe(200);
  });

  it('is ready once a worker lives, and names what is missing until then', async () => {
    const missing = async () => (await server.call('GET', '/readyz')).body.errors?.map(({ pointer }: { pointer: string }) => pointer);
    const answer = await server.call('GET', '/readyz');
    expect(answer).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE', retryable: true } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await missing()).toEqual(['/worker']);
    const registration = registerWorker(server.redis, worker, server.journal.log);
    await expect.poll(() => server.call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ready', redis: 'ok' } });
    await registration.stop();
    expect(await missing()).toEqual(['/worker']);
  });

  it('is not ready without its ledger or its blobs', async () => {
    const broken = () => Promise.reject(new Error('/secret/path'));
    const own = await startServer({ deps: { ledger: { ...server.ledger, check: broken }, blobs: { ...server.blobs, check: broken } } });
    const { body, text } = await own.call('GET', '/readyz');
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/ledger', '/blobs', '/redis', '/worker']);
    expect(text).not.toContain('secret');
    await own.close();
  });

  it('tells what it can do out of the schemas that validate it', async () => {
    const registration = registerWorker(server.redis, worker, server.journal.log);
    const { status, body } = await server.call('GET', '/v1/capabilities');
    await registration.stop();
    expect(status).toBe(200);
    const types = (union: object) =>
      (union as { oneOf: { properties: { type: { const: string } } }[] }).oneOf.map(({ properties }) => properties.type.const);
    const named = (members: { type: string }[]) => members.map(({ type }) => type);
    expect(named(body.methods.criteria)).toEqual(types(Criterion));
    expect(named(body.methods.optimizers)).toEqual(types(Optimizer));
    expect(body.methods.criteria[0].schema).toEqual(JSON.parse(JSON.stringify((Criterion as unknown as { oneOf: unknown[] }).oneOf[0])));
    expect(body.methods.targets).toEqual(['sparsity', 'parameters', 'macs', 'bytes', 'latency', 'max_accuracy_drop']);
    expect(body.jobs.train.properties.training.properties.epochs.default).toBe(10);
    expect(body.layers).toContain('Conv2D');
    expect(body.limits).toMatchObject({ max_upload_bytes: 10 * 2 ** 20, running_jobs_per_tenant: 4 });
    expect(body.workers).toEqual([worker]);
  });

  it('says that it does not know its workers while Redis is away', async () => {
    const own = await startServer();
    expect((await own.call('GET', '/v1/capabilities')).body.workers).toBeNull();
    await own.close();
    expect((await server.call('GET', '/v1/capabilities')).body.workers).toEqual([]);
  });

  it('measures itself for Prometheus', async () => {
    const inputs = await insertInputs(server);
    await insertJob(server, inputs);
    await insertJob(server, inputs, { warnings: [{ code: 'STEP_NOT_CAPTURED', detail: 'Slower.' }] });
    await server.call('GET', '/v1/jobs/job_01JZ3V9X0N8Q4Y7B2C5D6E8F9G');
    const { status, headers, text } = await server.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain('espalier_jobs{status="queued"} 2');
    expect(text).toContain('espalier_jobs_not_captured 1');
    expect(text).toContain('espalier_build_info{version=');
    expect(text).toMatch(/espalier_http_request_duration_seconds_count\{method="GET",route="\/v1\/jobs\/:id",status="404"\} 1/);
  });

  it('serves its document, and pages for it that need nothing from elsewhere', async () => {
    const yaml = await server.call('GET', '/openapi.yaml');
    expect(parse(yaml.text)).toMatchObject({ openapi: '3.1.0', info: { title: 'Espalier' } });
    const page = await server.call('GET', '/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link as string);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      expect((await fetch(new URL(link, server.address))).status).toBe(200);
    }
    expect((await server.call('GET', '/docs/json')).body.paths['/v1/jobs']).toBeDefined();
  });
});
