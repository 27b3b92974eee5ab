import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQueues, QUEUE_PREFIX } from '../../../src/jobs/queue.ts';
import { startServer, type TestServer } from '../../http/harness.ts';
import { EMPTY_FILE, insertKey } from '../../http/insert-key.ts';
import { startRedis, type TestRedis } from '../../jobs/redis-server.ts';

const JOB = 'job_01JZ3V9X0N8Q4Y7B2C5D6E8F9G';
let redis: TestRedis;
let server: TestServer;
const keys: Record<string, string> = {};

beforeAll(async () => {
  redis = await startRedis();
  server = await startServer({ redisUrl: redis.url, keys: EMPTY_FILE, deps: { board: true } });
  for (const role of ['admin', 'write'] as const) {
    const { bearer } = await insertKey(server, { tenant: 'alice', role });
    keys[role] = (bearer as string).replace(/^Bearer /, '');
  }
  if (server.redis.status !== 'ready') await new Promise((resolve) => server.redis.once('ready', resolve));
  const queues = openQueues(server.redis);
  await queues.add('cpu', { job_id: JOB, attempt: 1 });
  await queues.close();
  // What no dispatcher of ours would write.
  const foreign = new Queue('cpu', { connection: server.redis, prefix: QUEUE_PREFIX });
  await foreign.add('attempt', { job_id: 'job_foreign', attempt: 1, name: 'secret.keras' });
  await foreign.close();
});
afterAll(async () => {
  await server.close();
  await redis.destroy();
});

const ask = (path: string, password?: string, init: RequestInit = {}) =>
  fetch(new URL(path, server.address), {
    ...init,
    headers: password === undefined ? {} : { authorization: `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}` },
  });

describe('the board', () => {
  it('is for admins, whose browser asks them for the key', async () => {
    for (const path of ['/admin/queues', '/admin/queues/', '/admin/queues/api/queues', '/admin/queues/queue/cpu']) {
      const unknown = await ask(path);
      expect([path, unknown.status, unknown.headers.get('www-authenticate')]).toEqual([path, 401, expect.stringMatching(/^Basic realm=/)]);
      expect(unknown.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect((await ask(path, 'wrong')).status).toBe(401);
      expect((await ask(path, keys.write)).status).toBe(403);
      expect((await ask(path, keys.admin)).status).toBe(200);
    }
    expect((await ask(`/admin/queues?key=${keys.admin}`)).status).toBe(401);
  });

  it('takes a password nowhere else', async () => {
    expect((await ask('/v1/jobs', keys.admin)).status).toBe(401);
    expect((await ask('/metrics', keys.admin)).status).toBe(401);
  });

  it('is a page whose scripts and styles come from here, and which may fetch nothing from elsewhere', async () => {
    const page = await ask('/admin/queues', keys.admin);
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    const links = [...html.matchAll(/(?:src|href)="(static[^"]+)"/g)].map(([, link]) => link as string);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect((await ask(`/admin/queues/${link}`, keys.admin)).status).toBe(200);
  });

  it('shows deliveries, and nothing that somebody put beside them', async () => {
    const text = await (await ask('/admin/queues/api/queues?activeQueue=cpu&status=waiting&page=1&jobsPerPage=10', keys.admin)).text();
    expect(text).toContain(JOB);
    expect(text).toContain('job_foreign');
    expect(text).not.toContain('secret.keras');
    expect(JSON.parse(text).queues.map(({ name }: { name: string }) => name)).toEqual(['cpu', 'gpu']);
    expect((await ask('/admin/queues/api/redis/stats', keys.admin)).status).toBe(404);
    expect((await ask('/admin/queues/api/queues/cpu/workers', keys.admin)).status).toBe(404);
  });

  it('changes nothing: what it would change with is not there', async () => {
    for (const [method, path] of [
      ['PUT', '/admin/queues/api/queues/pause'],
      ['PUT', '/admin/queues/api/queues/cpu/pause'],
      ['POST', '/admin/queues/api/queues/cpu/add'],
      ['PUT', `/admin/queues/api/queues/cpu/${JOB}-1/clean`],
    ] as const) {
      const { status } = await ask(path, keys.admin, { method });
      expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code === 404 || code === 405)]);
    }
  });

  it('says that Redis is away, and is back with it', async () => {
    await redis.kill();
    if (server.redis.status === 'ready') await new Promise((resolve) => server.redis.once('close', resolve));
    const away = await ask('/admin/queues/api/queues', keys.admin);
    expect([away.status, ((await away.json()) as { code: string }).code]).toEqual([503, 'UNAVAILABLE']);
    await redis.start();
    if (server.redis.status !== 'ready') await new Promise((resolve) => server.redis.once('ready', resolve));
    expect((await ask('/admin/queues/api/queues', keys.admin)).status).toBe(200);
  });

  it('is not there unless it is asked for', async () => {
    const own = await startServer();
    expect((await fetch(new URL('/admin/queues', own.address))).status).toBe(404);
    await own.close();
  });
});
