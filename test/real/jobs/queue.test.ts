import { Worker } from 'bullmq';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Delivery, openQueues, QUEUE_PREFIX, type Queues, WORKER_OPTIONS } from '../../../src/jobs/queue.ts';
import { openImpatientRedis, openPatientRedis, type RedisConnection } from '../../../src/jobs/redis.ts';
import { becomesReady } from '../../jobs/ready.ts';
import { startRedis, type TestRedis } from '../../jobs/redis-server.ts';

const log = pino({ level: 'silent' });

describe('the queues', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  let queues: Queues;
  beforeEach(async () => {
    server = await startRedis();
    redis = openImpatientRedis(server.url, log);
    await becomesReady(redis);
    queues = openQueues(redis);
  });
  afterEach(async () => {
    await queues.close();
    redis.disconnect();
    await server.destroy();
  });

  const waiting = () => redis.lrange(`${QUEUE_PREFIX}:cpu:wait`, 0, -1);

  it('carry a delivery to a worker, once however often it was added', async () => {
    for (let i = 0; i < 3; i += 1) await queues.add('cpu', { job_id: 'job_1', attempt: 1 });
    await queues.add('cpu', { job_id: 'job_1', attempt: 2 });
    expect(await waiting()).toHaveLength(2);
    const connection = openPatientRedis(server.url, log);
    const seen: Delivery[] = [];
    await new Promise<void>((done) => {
      const worker = new Worker<Delivery>(
        'cpu',
        async (job) => {
          seen.push(job.data);
          if (seen.length === 2) worker.once('completed', () => worker.close().then(done));
        },
        { ...WORKER_OPTIONS, connection },
      );
      worker.on('error', () => undefined);
    });
    connection.disconnect();
    expect(seen).toEqual([
      { job_id: 'job_1', attempt: 1 },
      { job_id: 'job_1', attempt: 2 },
    ]);
  });

  it.each(['completed', 'failed'] as const)('take a delivery again after it has %s', async (outcome) => {
    await queues.add('cpu', { job_id: 'job_1', attempt: 1 });
    const connection = openPatientRedis(server.url, log);
    await new Promise<void>((done) => {
      const worker = new Worker<Delivery>(
        'cpu',
        async () => {
          if (outcome === 'failed') throw new Error('on purpose');
        },
        { ...WORKER_OPTIONS, connection },
      );
      worker.on('error', () => undefined);
      worker.once(outcome, () => worker.close().then(done));
    });
    connection.disconnect();
    expect(await waiting()).toEqual([]);
    await queues.add('cpu', { job_id: 'job_1', attempt: 1 });
    expect(await waiting()).toEqual(['job_1-1']);
  });

  it('refuse at once while Redis is away, and work again when an empty one is back', async () => {
    await queues.add('cpu', { job_id: 'job_1', attempt: 1 });
    const closed = new Promise((resolve) => redis.once('close', resolve));
    await server.kill();
    await closed;
    await expect(queues.add('cpu', { job_id: 'job_1', attempt: 1 })).rejects.toThrow('Redis is away');
    await server.start();
    await becomesReady(redis);
    await queues.add('cpu', { job_id: 'job_1', attempt: 1 });
    expect(await waiting()).toEqual(['job_1-1']);
  });
});
