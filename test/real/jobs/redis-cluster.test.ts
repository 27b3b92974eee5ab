/** What the service does with Redis, on three nodes of a Cluster. */
import { once } from 'node:events';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisFinding } from '../../../src/doctor/redis.ts';
import { openRateLimiter } from '../../../src/http/rates/limiter.ts';
import { onNudge, publishNudge } from '../../../src/jobs/nudge.ts';
import { openPredictions } from '../../../src/jobs/predictions/client.ts';
import { type Delivery, openQueues, QUEUE_PREFIX, type Queues, WORKER_OPTIONS } from '../../../src/jobs/queue.ts';
import { mastersOf, openImpatientRedis, openPatientRedis, type RedisConnection } from '../../../src/jobs/redis.ts';
import { listWorkers, registerWorker } from '../../../src/jobs/workers.ts';
import { servePredictions } from '../../../src/worker/predictions/serve-predictions.ts';
import { testLog } from '../../jobs/log.ts';
import { becomesReady } from '../../jobs/ready.ts';
import { startRedisCluster, type TestCluster } from '../../jobs/redis-cluster-servers.ts';
import { modelSample } from '../../ledger/samples.ts';

describe('on a Redis Cluster', () => {
  const { log } = testLog();
  let cluster: TestCluster;
  let server: RedisConnection;
  let worker: RedisConnection;
  let patient: RedisConnection;
  let queues: Queues;
  let taking: Worker<Delivery>;
  /** What the worker of jobs has taken, and who waits for more. */
  const taken: Delivery[] = [];
  let heard: () => void = () => undefined;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    [server, worker] = [openImpatientRedis(cluster.url, log), openImpatientRedis(cluster.url, log)];
    patient = openPatientRedis(cluster.url, log);
    await Promise.all([server, worker, patient].map(becomesReady));
    queues = openQueues(server);
    taking = new Worker<Delivery>('cpu', async ({ data }) => void taken.push(data), {
      ...WORKER_OPTIONS,
      prefix: QUEUE_PREFIX,
      connection: patient,
    });
    taking.on('error', () => undefined);
    taking.on('completed', () => heard());
  }, 60_000);
  afterAll(async () => {
    await taking.close(true);
    await queues.close();
    for (const redis of [server, worker, patient]) redis.disconnect();
    await cluster.destroy();
  }, 60_000);

  const takes = async (delivery: Delivery) => {
    while (!taken.some(({ job_id, attempt }) => job_id === delivery.job_id && attempt === delivery.attempt)) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };
  const record = { device: 'cpu', tensorflow: '2', threads: 1, pid: 1, host: 'h', started_at: new Date().toISOString() } as const;

  it('deliveries go through the queue, once however often they were added', async () => {
    const delivery = { job_id: 'job_1', attempt: 1 };
    for (let time = 0; time < 3; time++) await queues.add('cpu', delivery);
    await queues.add('cpu', { job_id: 'job_2', attempt: 1 });
    await takes({ job_id: 'job_2', attempt: 1 });
    expect(taken).toEqual([delivery, { job_id: 'job_2', attempt: 1 }]);
  });

  it('the list of workers is that of all nodes', async () => {
    const ids = Array.from({ length: 9 }, (_, index) => `worker-${index}`);
    const places = await Promise.all(ids.map(async (id) => (await cluster.nodeOf(`espalier:workers:${id}`)).port));
    expect(new Set(places).size).toBe(3);
    const registrations = ids.map((id) => registerWorker(worker, { id, queues: ['cpu'], ...record }, log));
    await expect.poll(async () => (await listWorkers(server)).map(({ id }) => id)).toEqual(ids);
    await Promise.all(registrations.map((registration) => registration.stop()));
    expect(await listWorkers(server)).toEqual([]);
  });

  it('nudges reach the dispatcher, and requests are counted over all servers', async () => {
    await new Promise<void>((resolve) => {
      const nudging = setInterval(() => void publishNudge(worker), 5);
      const nudges = onNudge(server, () => {
        clearInterval(nudging);
        nudges.close();
        resolve();
      });
    });
    const [one, other] = [server, worker].map((redis) => openRateLimiter({ key: 2, tenant: null }, { redis, log }));
    const remaining = async (limiter = one!) => (await limiter.count({ keyId: 'key', tenant: 'a' }))[0];
    expect(await remaining()).toMatchObject({ remaining: 1, exceeded: false });
    expect(await remaining(other)).toMatchObject({ remaining: 0, exceeded: false });
    expect(await remaining()).toMatchObject({ exceeded: true });
  });

  it('predictions come back to who asked', async () => {
    const model = modelSample({ tenant: 'a' });
    const registration = registerWorker(worker, { id: 'w', queues: ['predict'], ...record }, log);
    const serving = servePredictions({
      queueRedis: patient,
      redis: worker,
      ledger: { findModel: async () => model },
      blobs: { localPath: async (key) => key },
      engine: { predict: async ({ inputs }) => ({ kind: 'outputs', outputs: inputs }), close: async () => undefined },
      log,
    });
    const predictions = openPredictions(server, log);
    await expect.poll(() => listWorkers(server)).toHaveLength(1);
    const inputs = [{ name: 'x', shape: [1], data: Float32Array.of(0.5) }];
    const outputs = await predictions.within('a', (place) =>
      place.predict({ tenant: 'a', model_id: model.id }, inputs, new AbortController().signal),
    );
    expect(outputs).toEqual(inputs);
    await Promise.all([predictions.close(), serving.close(), registration.stop()]);
  });

  it('the doctor finds all masters', async () => {
    const finding = await redisFinding({ embeddedRedis: false, redisUrl: cluster.url, redisTls: null });
    expect(finding).toMatch(/^a Cluster of 3 masters, \d+\.\d+\.\d+ answers, noeviction$/);
  });

  it('a node that was lost is known again, though nobody asks for what it has', async () => {
    const watching = openImpatientRedis(cluster.url, log);
    await becomesReady(watching);
    const key = 'espalier:workers:worker-0';
    await watching.get(key);
    const lost = once(watching, '-node');
    const node = await cluster.nodeOf(key);
    await node.kill();
    await lost;
    await node.start();
    await expect.poll(() => mastersOf(watching).length, { timeout: 30_000 }).toBe(3);
    watching.disconnect();
  }, 60_000);

  it('nobody waits long while the node of the queues is gone, and all goes on when an empty one is back', async () => {
    const node = await cluster.nodeOf(`${QUEUE_PREFIX}:cpu:wait`);
    await node.kill();
    await expect(queues.add('cpu', { job_id: 'job_3', attempt: 1 })).rejects.toThrow();
    await node.start();
    const added = () =>
      queues.add('cpu', { job_id: 'job_3', attempt: 1 }).then(
        () => true,
        () => false,
      );
    await expect.poll(added, { timeout: 30_000 }).toBe(true);
    await takes({ job_id: 'job_3', attempt: 1 });
  }, 60_000);
});
