import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openImpatientRedis, type RedisConnection } from '../../../src/jobs/redis.ts';
import { listWorkers, registerWorker, type WorkerRecord } from '../../../src/jobs/workers.ts';
import { becomesReady } from '../../jobs/ready.ts';
import { startRedis, type TestRedis } from '../../jobs/redis-server.ts';

const log = pino({ level: 'silent' });
const record: WorkerRecord = {
  id: 'worker-1',
  queues: ['cpu'],
  device: 'cpu',
  tensorflow: '2.21.0',
  threads: 2,
  pid: 1,
  host: 'here',
  started_at: '2026-01-01T00:00:00.000Z',
};

describe('the list of workers', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    redis = openImpatientRedis(server.url, log);
    await becomesReady(redis);
  });
  beforeEach(async () => {
    await redis.flushall();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.destroy();
  });

  it('has a worker from its registration until it stops', async () => {
    expect(await listWorkers(redis)).toEqual([]);
    const two = registerWorker(redis, { ...record, id: 'worker-2' }, log);
    const one = registerWorker(redis, record, log);
    expect(await listWorkers(redis)).toEqual([record, { ...record, id: 'worker-2' }]);
    await one.stop();
    expect((await listWorkers(redis)).map(({ id }) => id)).toEqual(['worker-2']);
    await two.stop();
    expect(await listWorkers(redis)).toEqual([]);
  });

  it('forgets a worker 15 seconds after it was last heard of', async () => {
    const registration = registerWorker(redis, record, log);
    const left = await redis.ttl('espalier:workers:worker-1');
    expect(left).toBeGreaterThan(13);
    expect(left).toBeLessThanOrEqual(15);
    await registration.stop();
  });

  it('leaves out what is no record of ours', async () => {
    await redis.set('espalier:workers:a', 'not JSON');
    await redis.set('espalier:workers:b', '{"id":"b"}');
    await redis.set('espalier:workers:c', JSON.stringify({ ...record, id: 'c' }));
    expect((await listWorkers(redis)).map(({ id }) => id)).toEqual(['c']);
  });
});
