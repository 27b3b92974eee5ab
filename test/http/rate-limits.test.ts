import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rateHeaders } from '../../src/http/rates/headers.ts';
import { openRateLimiter } from '../../src/http/rates/limiter.ts';
import { openImpatientRedis } from '../../src/jobs/redis.ts';
import { testLog } from '../jobs/log.ts';
import { startRedis, type TestRedis } from '../jobs/redis-server.ts';
import { startServer, type TestServer } from './harness.ts';
import { EMPTY_FILE, insertKey } from './insert-key.ts';

let redis: TestRedis;
let servers: TestServer[] = [];
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
  await redis.destroy();
});

async function start(requestsPerMinute: { key: number | null; tenant: number | null }, more: Parameters<typeof startServer>[0] = {}) {
  const server = await startServer({ redisUrl: redis.url, keys: EMPTY_FILE, limits: { requestsPerMinute }, ...more });
  servers.push(server);
  await expect.poll(() => server.redis.status).toBe('ready');
  return server;
}

const look = (server: TestServer, authorization: string, path = '/v1/jobs') => server.call('GET', path, { headers: { authorization } });

describe('requests with a key', () => {
  it('are counted by key and by tenant, and every answer says where they stand', async () => {
    const server = await start({ key: 2, tenant: 3 });
    const one = (await insertKey(server, { tenant: 'alice', role: 'read' })).bearer;
    const other = (await insertKey(server, { tenant: 'alice', role: 'read' })).bearer;
    const first = await look(server, one);
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=2;w=60, "tenant";q=3;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=1;t=\d+, "tenant";r=2;t=\d+$/);
    expect((await look(server, one, '/v1/jobs/job_01JZ3V9X0N8Q4Y7B2C5D6E8F9G')).status).toBe(404);

    const refused = await look(server, one);
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMIT_EXCEEDED', retryable: true } });
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toBe(`"key";r=0;t=${wait}`);
    expect(refused.body.detail).toContain('2 requests in 60 s');

    // What the key was refused is not taken from the tenant.
    expect((await look(server, other)).status).toBe(200);
    const tenant = await look(server, other);
    expect(tenant).toMatchObject({ status: 429, body: { code: 'RATE_LIMIT_EXCEEDED' } });
    expect(tenant.headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+, "tenant";r=0;t=\d+$/);
    const bob = (await insertKey(server, { tenant: 'bob', role: 'read' })).bearer;
    expect((await look(server, bob)).status).toBe(200);
    expect((await server.call('GET', '/healthz')).headers.has('ratelimit')).toBe(false);
  });

  it('are counted where the key may not do what it asks for', async () => {
    const server = await start({ key: 2, tenant: null });
    const key = await insertKey(server, { tenant: 'alice', role: 'read' });
    const change = () => server.call('DELETE', '/v1/models/mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G', { headers: { authorization: key.bearer } });
    const first = await change();
    expect(first).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=1;/);
    expect((await change()).status).toBe(403);
    expect((await change()).status).toBe(429);
  });

  it('are counted over all servers, and by each for itself while Redis is away', async () => {
    const server = await start({ key: 2, tenant: null });
    const key = await insertKey(server, { tenant: 'alice', role: 'read' });
    // Another server of the same ledger.
    const second = await start({ key: 2, tenant: null }, { deps: { ledger: server.ledger } });
    expect([(await look(server, key.bearer)).status, (await look(second, key.bearer)).status]).toEqual([200, 200]);
    expect([(await look(server, key.bearer)).status, (await look(second, key.bearer)).status]).toEqual([429, 429]);

    const other = await insertKey(server, { tenant: 'alice', role: 'read' });
    await redis.kill();
    await expect.poll(() => server.redis.status).not.toBe('ready');
    const statuses = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await look(server, other.bearer)).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('without a limit, and those to a server without keys, are not counted', async () => {
    const server = await start({ key: null, tenant: null });
    const { bearer } = await insertKey(server, { tenant: 'alice', role: 'read' });
    expect((await look(server, bearer)).headers.has('ratelimit')).toBe(false);
    const local = await startServer({ redisUrl: redis.url, limits: { requestsPerMinute: { key: 1, tenant: 1 } } });
    servers.push(local);
    for (let n = 0; n < 3; n += 1) expect((await local.call('GET', '/v1/jobs')).status).toBe(200);
  });
});

describe('the limiter', () => {
  it('leaves a Redis that does not answer alone for five seconds, and asks it again then', async () => {
    const journal = testLog();
    const connection = openImpatientRedis(redis.url, journal.log);
    await expect.poll(() => connection.status).toBe('ready');
    let now = 0;
    const limiter = openRateLimiter({ key: 3, tenant: null }, { redis: connection, log: journal.log, elapsed: () => now });
    const left = async () => (await limiter.count({ keyId: 'k', tenant: 't' }))[0]?.remaining;
    expect(await left()).toBe(2);
    await redis.kill();
    await expect.poll(() => connection.status).not.toBe('ready');
    expect(await left()).toBe(2);
    await redis.start();
    await expect.poll(() => connection.status).toBe('ready');
    expect(await left()).toBe(1);
    now = 5_000;
    expect(await left()).toBe(2);
    connection.disconnect();
  });

  it('writes structured fields', () => {
    expect(rateHeaders([])).toEqual({});
    expect(rateHeaders([{ policy: 'key', quota: 10, remaining: 4, reset_s: 9, exceeded: false }])).toEqual({
      'ratelimit-policy': '"key";q=10;w=60',
      ratelimit: '"key";r=4;t=9',
    });
  });
});
