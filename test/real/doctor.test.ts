import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisFinding } from '../../src/doctor/redis.ts';
import { openPatientRedis } from '../../src/jobs/redis.ts';
import { testLog } from '../jobs/log.ts';
import { startRedis, type TestRedis } from '../jobs/redis-server.ts';

describe('Redis, as the doctor finds it', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.destroy());
  const look = () => redisFinding({ embeddedRedis: false, redisUrl: redis.url, redisTls: null });

  it('must not throw away what waits in it', async () => {
    expect(await look()).toMatch(/^\d+\.\d+\.\d+ answers, noeviction$/);
    const client = openPatientRedis(redis.url, testLog().log);
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(look()).rejects.toThrow('maxmemory-policy is allkeys-lru; it must be noeviction');
    // Where CONFIG is not for everybody, INFO tells.
    await client.call('ACL', 'SETUSER', 'default', '-config');
    await expect(look()).rejects.toThrow('maxmemory-policy is allkeys-lru');
    client.disconnect();
  });

  it('must answer', async () => {
    await redis.kill();
    await expect(look()).rejects.toThrow(/ENOENT|ECONNREFUSED/);
  });

  it('may be the program that `espalier up` runs', async () => {
    expect(await redisFinding({ embeddedRedis: true, redisUrl: '', redisTls: null })).toMatch(
      /^redis-server \d+\.\d+\.\d+, run by espalier up$/,
    );
  });
});
