/**
 * Many queued jobs of many tenants, taken by workers whose engine is a stub: node bench/queue.ts [--jobs=10000] [--tenants=50] [--workers=8] [--work-ms=2]
 *
 * Ledger (SQLite), dispatcher, queues and Redis are the service's own; a worker claims a job, waits, and ends it. Told are: whether each job was claimed and
 * ended once; the mean wait of the tenants, largest to smallest, for equal loads; how many slots a tenant with one job waits behind one with 5,000
 * (half of --jobs where that is less); and what a job takes of Redis' memory while all of them wait in the ledger, and in a queue.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'bullmq';
import pino from 'pino';
import { openBlobs } from '../src/blobs/open.ts';
import { startDispatcher } from '../src/jobs/dispatcher.ts';
import { newId } from '../src/jobs/ids.ts';
import { type Delivery, openQueues, QUEUE_PREFIX, WORKER_OPTIONS } from '../src/jobs/queue.ts';
import { openImpatientRedis, openPatientRedis } from '../src/jobs/redis.ts';
import { registerWorker } from '../src/jobs/workers.ts';
import { openLedger } from '../src/ledger/open.ts';
import { startRedis } from '../test/jobs/redis-server.ts';
import { datasetSample, endingOf, jobSample, modelSample } from '../test/ledger/samples.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '10000' },
    tenants: { type: 'string', default: '50' },
    workers: { type: 'string', default: '8' },
    'work-ms': { type: 'string', default: '2' },
  },
});
const [JOBS, TENANTS, WORKERS, WORK_MS] = [values.jobs, values.tenants, values.workers, values['work-ms']].map(Number) as [
  number,
  number,
  number,
  number,
];
const log = pino({ level: 'warn' }, pino.destination(2));

interface Claim {
  id: string;
  tenant: string;
  waited_ms: number;
}

await equalLoads();
await oneBehindMany();
await memoryOfADelivery();

/** Everything a queue needs, in a folder of its own. `claims` are in their order. */
async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-bench-queue-'));
  const server = await startRedis();
  const ledger = await openLedger({ database: { kind: 'sqlite', path: join(folder, 'ledger.db') } });
  await ledger.migrate();
  const blobs = await openBlobs({ blobsFolder: join(folder, 'blobs') });
  const [redis, patient] = [openImpatientRedis(server.url, log), openPatientRedis(server.url, log)];
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  const queues = openQueues(redis);
  const claims: Claim[] = [];
  const ended = new Set<string>();
  let closeRest = async () => {};
  return {
    ledger,
    redis,
    queues,
    claims,
    ended,
    /** Rows of jobs that wait, as many as there are tenants named, in that order. */
    async insert(tenants: readonly string[]): Promise<void> {
      const inputs = new Map<string, ReturnType<typeof inputsOf>>();
      for (const tenant of tenants) {
        if (!inputs.has(tenant)) {
          inputs.set(tenant, inputsOf(tenant));
          await ledger.insertModel(inputs.get(tenant)!.model);
          await ledger.insertDataset(inputs.get(tenant)!.dataset);
        }
        const { model, dataset } = inputs.get(tenant)!;
        await ledger.insertJob(jobSample(model, dataset, { id: newId('job'), tenant, created_at: Date.now() }));
      }
    },
    /** Resolves when so many have ended; seconds. */
    async run(count: number): Promise<number> {
      const done = Promise.withResolvers<void>();
      const began = performance.now();
      const dispatcher = startDispatcher({
        ledger,
        blobs,
        redis,
        queues,
        log,
        limits: { heartbeatTimeoutSeconds: 60, tenantRunningLimit: 16 },
      });
      const handle = async ({ job_id, attempt }: Delivery, worker: string) => {
        const job = await ledger.claimJob({
          job_id,
          n: attempt,
          worker,
          device: 'cpu',
          code_version: 'bench',
          tensorflow_version: 'none',
          threads: 1,
        });
        if (!job) return;
        claims.push({ id: job.id, tenant: job.tenant, waited_ms: performance.now() - began });
        await pause(WORK_MS);
        if (!(await ledger.endJob(endingOf(job.id, attempt)))) throw new Error(`${job.id} was ended by somebody else`);
        if (ended.has(job.id)) throw new Error(`${job.id} ended twice`);
        ended.add(job.id);
        dispatcher.nudge();
        if (ended.size === count) done.resolve();
      };
      const ids = Array.from({ length: WORKERS }, (_, index) => `bench-${index}`);
      const record = { queues: ['cpu' as const], device: 'cpu' as const, tensorflow: 'none', threads: 1, pid: process.pid, host: 'bench' };
      const registrations = ids.map((id) => registerWorker(redis, { id, ...record, started_at: new Date().toISOString() }, log));
      const workers = ids.map(
        (id) =>
          new Worker<Delivery>('cpu', ({ data }) => handle(data, id), {
            ...WORKER_OPTIONS,
            prefix: QUEUE_PREFIX,
            connection: patient,
            concurrency: 1,
          }),
      );
      closeRest = async () => {
        await dispatcher.close();
        await Promise.all(workers.map((worker) => worker.close()));
        await Promise.all(registrations.map((registration) => registration.stop()));
      };
      await done.promise;
      return (performance.now() - began) / 1000;
    },
    async close(): Promise<void> {
      await closeRest();
      await queues.close();
      redis.disconnect();
      patient.disconnect();
      await ledger.close();
      await blobs.close();
      await server.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function inputsOf(tenant: string) {
  return { model: modelSample({ id: newId('mdl'), tenant }), dataset: datasetSample({ id: newId('dst'), tenant }) };
}

async function equalLoads(): Promise<void> {
  const queue = await open();
  const tenants = Array.from({ length: TENANTS }, (_, index) => `tenant-${index}`);
  const before = await usedMemory(queue.redis);
  const began = performance.now();
  // One tenant after the other: who came first would be through first, if nobody saw to it.
  await queue.insert(tenants.flatMap((tenant) => Array<string>(JOBS / TENANTS).fill(tenant)));
  const inserted = (performance.now() - began) / 1000;
  const waiting = (await usedMemory(queue.redis)) - before;
  const seconds = await queue.run(JOBS);
  const claimed = new Set(queue.claims.map(({ id }) => id));
  const counts = await queue.ledger.counts();
  const waits = [...Map.groupBy(queue.claims, ({ tenant }) => tenant).values()].map(mean);
  console.log(`${JOBS} jobs of ${TENANTS} tenants, ${WORKERS} workers`);
  row('inserted', `${inserted.toFixed(1)} s, ${((1000 * inserted) / JOBS).toFixed(2)} ms each`);
  row('run', `${seconds.toFixed(1)} s, ${(JOBS / seconds).toFixed(0)} jobs/s`);
  row('lost', `${JOBS - claimed.size} not claimed, ${JOBS - counts.succeeded} not succeeded`);
  row('claimed twice', `${queue.claims.length - claimed.size}`);
  row('mean wait of a tenant, largest to smallest', `${(Math.max(...waits) / Math.min(...waits)).toFixed(2)} (wanted: at most 2)`);
  row('Redis, a job that waits in the ledger', `${(waiting / JOBS).toFixed(0)} bytes`);
  await queue.close();
  if (claimed.size !== JOBS || counts.succeeded !== JOBS || queue.claims.length !== JOBS)
    throw new Error('Jobs were lost, or claimed twice');
}

async function oneBehindMany(): Promise<void> {
  const queue = await open();
  const many = Math.min(5_000, Math.max(1, Math.floor(JOBS / 2)));
  await queue.insert([...Array<string>(many).fill('many'), 'one']);
  // As many as are begun until the one is, and a few.
  await queue.run(Math.min(many, 8 * WORKERS));
  const place = queue.claims.findIndex(({ tenant }) => tenant === 'one');
  row(`a tenant of one job behind one of ${many}`, `${place} claimed before it (wanted: at most 1)`);
  await queue.close();
  if (place < 0) throw new Error('The tenant of one job was not served');
}

async function memoryOfADelivery(): Promise<void> {
  const queue = await open();
  const count = Math.min(JOBS, 1_000);
  // What every queue has is there by then.
  await queue.queues.add('cpu', { job_id: newId('job'), attempt: 1 });
  const before = await usedMemory(queue.redis);
  for (let n = 0; n < count; n++) await queue.queues.add('cpu', { job_id: newId('job'), attempt: 1 });
  row('Redis, a delivery that waits in a queue', `${(((await usedMemory(queue.redis)) - before) / count).toFixed(0)} bytes`);
  await queue.close();
}

function mean(claims: readonly Claim[]): number {
  return claims.reduce((sum, { waited_ms }) => sum + waited_ms, 0) / claims.length;
}

async function usedMemory(redis: Awaited<ReturnType<typeof open>>['redis']): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]);
}

function row(name: string, value: string): void {
  console.log(`  ${name.padEnd(46)} ${value}`);
}
