import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../../src/blobs/blobs.ts';
import { openBlobs } from '../../../src/blobs/open.ts';
import { type Dispatcher, startDispatcher } from '../../../src/jobs/dispatcher.ts';
import { openQueues, QUEUE_PREFIX, type Queues } from '../../../src/jobs/queue.ts';
import { openImpatientRedis, type RedisConnection } from '../../../src/jobs/redis.ts';
import { registerWorker } from '../../../src/jobs/workers.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { type TestLog, testLog } from '../../jobs/log.ts';
import { becomesReady } from '../../jobs/ready.ts';
import { startRedis, type TestRedis } from '../../jobs/redis-server.ts';
import { openWorld, type World } from '../../ledger/fixture.ts';
import { checkpointSample, claimOf, comparisonSample, endingOf } from '../../ledger/samples.ts';
import { sqliteFactory } from '../../ledger/sqlite-factory.ts';

const NEVER = 2 ** 31 - 1;

describe('the dispatcher', () => {
  let world: World;
  let server: TestRedis;
  let redis: RedisConnection;
  let blobs: Blobs;
  let folder: string;
  let journal: TestLog;
  const open: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    world = await openWorld(sqliteFactory);
    server = await startRedis();
    journal = testLog();
    redis = openImpatientRedis(server.url, journal.log);
    await becomesReady(redis);
    folder = await mkdtemp(join(tmpdir(), 'espalier-dispatcher-'));
    blobs = await openBlobs({ blobsFolder: folder });
    register();
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
    redis.disconnect();
    await server.destroy();
    await world.close();
    await rm(folder, { recursive: true });
  });

  /** Says that a worker lives, on a machine of its own. */
  function register(device: 'cpu' | 'gpu' = 'cpu') {
    const started_at = new Date().toISOString();
    const record = { id: device, queues: [device], device, tensorflow: '2', threads: 1, pid: 1, host: `with-${device}`, started_at };
    const registration = registerWorker(redis, record, journal.log);
    open.push(() => registration.stop());
    return registration;
  }

  const waiting = (queue: 'cpu' | 'gpu' = 'cpu') => redis.lrange(`${QUEUE_PREFIX}:${queue}:wait`, 0, -1);

  /** A dispatcher over real queues, whose additions can be waited for. It looks when it starts, and then every `everyMs`. */
  function dispatch(options: { everyMs?: number; ledger?: Ledger; tenantRunningLimit?: number; steady?: () => number } = {}) {
    const queues = openQueues(redis);
    const additions = new EventEmitter();
    const observed: Queues = {
      async add(queue, delivery) {
        await queues.add(queue, delivery);
        additions.emit(`${delivery.job_id}-${delivery.attempt}`);
      },
      close: queues.close,
    };
    const dispatcher: Dispatcher = startDispatcher({
      ledger: options.ledger ?? world.ledger,
      blobs,
      redis,
      queues: observed,
      log: journal.log,
      limits: { heartbeatTimeoutSeconds: 15, tenantRunningLimit: options.tenantRunningLimit ?? 16 },
      now: () => world.clock.now,
      steady: options.steady ?? (() => world.clock.now),
      everyMs: options.everyMs ?? NEVER,
    });
    open.push(() => dispatcher.close().then(() => queues.close()));
    return { dispatcher, added: (id: string, attempt: number) => once(additions, `${id}-${attempt}`) };
  }

  it('queues a job when it is nudged', async () => {
    const { dispatcher, added } = dispatch();
    await journal.said('Dispatcher started');
    const job = await world.queueJob();
    const addition = added(job.id, 1);
    dispatcher.nudge();
    await addition;
    expect(await waiting()).toEqual([`${job.id}-1`]);
  });

  it('queues what it finds without a nudge, and what Redis lost once more', async () => {
    const job = await world.queueJob();
    const { added } = dispatch({ everyMs: 20 });
    await added(job.id, 1);
    await redis.del(`${QUEUE_PREFIX}:cpu:wait`, `${QUEUE_PREFIX}:cpu:${job.id}-1`);
    await added(job.id, 1);
    await added(job.id, 1);
    expect(await waiting()).toEqual([`${job.id}-1`]);
  });

  it('takes a job for any device to the machine that has a GPU, and to one with a CPU when that is gone before it took the job', async () => {
    const gpu = register('gpu');
    const job = await world.queueJob();
    const { dispatcher, added } = dispatch();
    await added(job.id, 1);
    expect([await waiting('gpu'), await waiting('cpu')]).toEqual([[`${job.id}-1`], []]);
    await gpu.stop();
    const again = added(job.id, 1);
    dispatcher.nudge();
    await again;
    expect(await waiting('cpu')).toEqual([`${job.id}-1`]);
    expect(await world.ledger.claimJob(claimOf(job.id, 1))).not.toBeNull();
    // Should the machine with the GPU come back, what still lies in its queue is refused.
    expect(await world.ledger.claimJob(claimOf(job.id, 1))).toBeNull();
  });

  it('goes on when Redis is gone, says so once, and fills an empty one', async () => {
    const { added } = dispatch({ everyMs: 20 });
    await journal.said('Dispatcher started');
    await server.kill();
    const silent = await world.queueJob();
    await world.ledger.claimJob(claimOf(silent.id, 1));
    const job = await world.queueJob();
    await journal.said('Jobs wait in the ledger: the queue takes none');
    world.clock.now += 16_000;
    await journal.said('Job was taken from a silent worker');
    const addition = added(job.id, 1);
    await server.start();
    await becomesReady(redis);
    register();
    await addition;
    expect(journal.lines.filter(({ msg }) => msg.startsWith('Jobs wait'))).toHaveLength(1);
    expect(journal.lines.filter(({ msg }) => msg === 'Redis cannot be reached')).toHaveLength(1);
  });

  it('queues the jobs of a comparison on all queues there are, and ends it when they have ended, though Redis is gone', async () => {
    const { parent, children } = comparisonSample(world.model, world.dataset, [0, 1]);
    await world.ledger.insertJob(parent, undefined, {}, children);
    const { added } = dispatch({ everyMs: 20 });
    await Promise.all(children.map(({ id }) => added(id, 1)));
    expect((await waiting()).sort()).toEqual(children.map(({ id }) => `${id}-1`).sort());
    await server.kill();
    for (const { id } of children) {
      await world.ledger.claimJob(claimOf(id, 1));
      await world.ledger.endJob(endingOf(id, 1, { result: null, models: [], artifacts: [] }));
    }
    await journal.said('Comparison ended');
    const ended = await world.ledger.loadJob(parent.id);
    expect(ended).toMatchObject({
      status: 'succeeded',
      result: { comparison: { candidates: [{ name: 'a', runs: [{ seed: 0 }, { seed: 1 }] }] } },
    });
  });

  it('gives the job of a silent worker to the next as a new attempt', async () => {
    const job = await world.queueJob();
    await world.ledger.claimJob(claimOf(job.id, 1));
    const { dispatcher, added } = dispatch();
    // Once it has admitted another job it has seen the heartbeat.
    const other = await world.queueJob();
    const seen = added(other.id, 1);
    dispatcher.nudge();
    await seen;
    const addition = added(job.id, 2);
    world.clock.now += 15_001;
    dispatcher.nudge();
    await addition;
    expect((await world.ledger.listAttempts(job.id))[0]?.end).toBe('worker_lost');
  });

  it('leaves a job to a worker that is heard, though its clock is an hour behind, and takes one from a worker that is not, though its clock was ahead', async () => {
    const [behind, ahead] = [await world.queueJob(), await world.queueJob()];
    const wall = world.clock.now;
    for (const { id } of [behind, ahead]) await world.ledger.claimJob(claimOf(id, 1));
    const beat = async (id: string, skew: number) => {
      world.clock.now = wall + skew;
      await world.ledger.heartbeat(id, 1, { progress: null, engine_ms: 1 });
      world.clock.now = wall;
    };
    await beat(ahead.id, 3_600_000);
    let steady = 0;
    const { dispatcher, added } = dispatch({ steady: () => steady });
    const addition = added(ahead.id, 2);
    for (let second = 0; second <= 17; second++) {
      await beat(behind.id, -3_600_000 + second);
      const look = await world.queueJob();
      const looked = added(look.id, 1);
      steady = second * 1_000;
      dispatcher.nudge();
      await looked;
      await world.ledger.claimJob(claimOf(look.id, 1));
      await world.ledger.endJob(endingOf(look.id, 1));
    }
    await addition;
    expect(await world.ledger.loadJob(behind.id)).toMatchObject({ status: 'running', attempt: 1 });
  });

  it('queues no more of a tenant’s jobs than may run at once', async () => {
    const running = await world.queueJob();
    await world.ledger.claimJob(claimOf(running.id, 1));
    const first = await world.queueJob();
    const second = await world.queueJob();
    const { dispatcher, added } = dispatch({ tenantRunningLimit: 2 });
    await added(first.id, 1);
    await world.ledger.endJob(endingOf(running.id, 1));
    const addition = added(second.id, 1);
    dispatcher.nudge();
    await addition;
    expect(await waiting()).toEqual([`${second.id}-1`, `${first.id}-1`]);
  });

  it('fails a job whose attempts are exhausted', async () => {
    const job = await world.queueJob();
    for (let n = 1; n <= 5; n += 1) {
      await world.ledger.claimJob(claimOf(job.id, n));
      await world.ledger.releaseJob(job.id, n, 'engine_lost');
    }
    dispatch();
    await journal.said('Job failed: its attempts are exhausted');
    expect((await world.ledger.loadJob(job.id))?.error?.code).toBe('ATTEMPTS_EXHAUSTED');
  });

  it('lets a job rest behind a lost engine, longer behind each, and others go before it', async () => {
    const job = await world.queueJob();
    const lose = async (n: number) => {
      await world.ledger.claimJob(claimOf(job.id, n));
      await world.ledger.releaseJob(job.id, n, 'engine_lost');
    };
    await lose(1);
    const { dispatcher, added } = dispatch();
    await journal.said('Dispatcher started');
    for (const [n, rest] of [
      [2, 1_000],
      [3, 5_000],
      [4, 15_000],
    ] as const) {
      // What is added behind this look is found behind the next.
      const look = async () => {
        const other = await world.queueJob();
        const addition = added(other.id, 1);
        dispatcher.nudge();
        await addition;
        await world.ledger.claimJob(claimOf(other.id, 1));
        await world.ledger.endJob(endingOf(other.id, 1));
      };
      await look();
      world.clock.now += rest - 1;
      await look();
      expect(await waiting()).not.toContain(`${job.id}-${n}`);
      const addition = added(job.id, n);
      world.clock.now += 1;
      dispatcher.nudge();
      await addition;
      await lose(n);
    }
  });

  it('deletes the checkpoints of ended jobs', async () => {
    const job = await world.queueJob();
    await world.ledger.claimJob(claimOf(job.id, 1));
    const checkpoint = checkpointSample(job.id, 1, 10);
    await blobs.put(checkpoint.blob_key, Readable.from([Buffer.from('x')]));
    await world.ledger.addCheckpoint(checkpoint);
    await world.ledger.endJob(endingOf(job.id, 1));
    const { dispatcher } = dispatch();
    await dispatcher.close();
    expect(await blobs.size(checkpoint.blob_key)).toBeNull();
    expect(await world.ledger.takeEndedCheckpoints(1)).toEqual([]);
  });

  it('sweeps bytes that no row names, once an hour', async () => {
    world.clock.now = Date.now() + 48 * 3600 * 1000;
    const put = (key: string) => blobs.put(key, Readable.from([Buffer.from('x')]));
    await put('models/lost');
    const { dispatcher, added } = dispatch();
    await journal.said('Bytes that nobody needs were deleted');
    expect(await blobs.size('models/lost')).toBeNull();
    await put('models/lost-too');
    const look = async () => {
      const job = await world.queueJob();
      const addition = added(job.id, 1);
      dispatcher.nudge();
      await addition;
      await world.ledger.requestCancel('alice', job.id);
    };
    await look();
    await look();
    expect(await blobs.size('models/lost-too')).toBe(1);
    world.clock.now += 3_600_000;
    dispatcher.nudge();
    await expect.poll(() => blobs.size('models/lost-too')).toBeNull();
  });

  it('is one of several: a nudge anywhere reaches it, and another takes over when it closes', async () => {
    const first = dispatch();
    await journal.said('Dispatcher started');
    const second = dispatch({ ledger: world.other });
    const job = await world.queueJob();
    const addition = first.added(job.id, 1);
    // Nudged until the subscription stands, which nobody announces.
    const nudging = setInterval(second.dispatcher.nudge, 5);
    await addition;
    clearInterval(nudging);
    await first.dispatcher.close();
    const next = await world.queueJob();
    const takenOver = second.added(next.id, 1);
    second.dispatcher.nudge();
    await takenOver;
  });
});
