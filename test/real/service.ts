/** The parts of a service for tests that end some of them by force: Redis and workers as processes, the ledger and the dispatcher in this one. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { startDispatcher } from '../../src/jobs/dispatcher.ts';
import { openQueues } from '../../src/jobs/queue.ts';
import { openImpatientRedis } from '../../src/jobs/redis.ts';
import { SegmentFile } from '../../src/jobs/series/segment-file.ts';
import type { JobSpec, TrainSpec } from '../../src/jobs/spec/index.ts';
import type { JobRow, Ledger } from '../../src/ledger/ledger.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { type KeptProcess, keepRunning } from '../../src/up/kept-process.ts';
import { redisPart } from '../../src/up/redis.ts';
import { tinyDocument } from '../helpers/documents.ts';
import { rowsOfChunks, type SeriesRow } from '../helpers/series.ts';
import { datasetSample, jobSample, modelSample, trainSpec } from '../ledger/samples.ts';
import { type ObservedLines, observedLog, observeOutput } from '../worker/log.ts';

export interface WorkerProcess extends ObservedLines {
  child: ChildProcess;
  pid: number;
  exited: Promise<void>;
}

export interface TestService {
  config: Config;
  ledger: Ledger;
  blobs: Blobs;
  /** What Redis' keeper and the dispatcher log. */
  log: ObservedLines;
  /** The process id of the Redis that runs now. */
  redisPid(): Promise<number>;
  startWorker(environment?: Record<string, string>): WorkerProcess;
  /** Queues a job. */
  post(spec: JobSpec): Promise<string>;
  /** Queues a train job for the scripted engine, over a tiny model and data that nobody reads. */
  postScripted(metadata: Record<string, string>, changes?: Partial<TrainSpec>): Promise<string>;
  /** Resolves with the job once it has one of the statuses. */
  reached(jobId: string, ...statuses: JobRow['status'][]): Promise<JobRow>;
  /** All rows of the job's series in the order of their segments, each attempt cut where the next begins. */
  series(jobId: string): Promise<SeriesRow[]>;
  close(): Promise<void>;
}

/** `engine` real: TensorFlow. `settings` are environment variables. */
export async function startService(engine: 'scripted' | 'real', settings: Record<string, string> = {}): Promise<TestService> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-real-'));
  const socket = join(folder, 'redis.sock');
  const environment = {
    ESPALIER_DATA: folder,
    REDIS_URL: `unix:${socket}`,
    ESPALIER_DEVICE: 'cpu',
    ESPALIER_HEARTBEAT_TIMEOUT_S: '3',
    LOG_LEVEL: 'debug',
    // What the scripted engine exports only it reads.
    ESPALIER_KERAS_PYTHON: '',
    ...settings,
  };
  const config = readConfig(environment);
  const { log, ...lines } = observedLog();
  const keeper: KeptProcess = keepRunning(redisPart(socket, process.env.PATH, log), log);
  await keeper.started;
  const ledger = await openLedger(config);
  await ledger.migrate();
  const blobs = await openBlobs(config);
  const redis = openImpatientRedis(config.redisUrl, log);
  if (redis.status !== 'ready') await once(redis, 'ready');
  const queues = openQueues(redis);
  const dispatcher = startDispatcher({ ledger, blobs, redis, queues, log, limits: config });
  const workers: WorkerProcess[] = [];
  const model = modelSample({ blob_key: 'models/scripted' });
  const dataset = datasetSample();
  await blobs.put(model.blob_key, Readable.from([await writeKeras(tinyDocument(0))]));
  for (const key of [dataset.blob_keys.x, dataset.blob_keys.y!, dataset.blob_keys.order])
    await blobs.put(key, Readable.from([Buffer.from('bytes')]));
  await ledger.insertModel(model);
  await ledger.insertDataset(dataset);
  const post = async (spec: JobSpec) => {
    const row = jobSample({ id: spec.model_id }, { id: spec.dataset_id }, { spec, created_at: Date.now() });
    await ledger.insertJob(row);
    dispatcher.nudge();
    return row.id;
  };

  return {
    config,
    ledger,
    blobs,
    log: lines,
    async redisPid() {
      return Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
    },
    startWorker(extra = {}) {
      const child = fork(new URL('../worker/worker-process.ts', import.meta.url), [], {
        env: { ...process.env, ...environment, TEST_ENGINE: engine, ...extra },
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      });
      const worker = { child, pid: child.pid!, exited: once(child, 'exit').then(() => {}), ...observeOutput(child.stdout!) };
      workers.push(worker);
      return worker;
    },
    post,
    postScripted: (metadata, changes = {}) => post({ ...trainSpec(model.id, dataset.id), ...changes, metadata }),
    async reached(jobId, ...statuses) {
      for (;;) {
        const job = await ledger.loadJob(jobId);
        if (job && statuses.includes(job.status)) return job;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async series(jobId) {
      const [segments, attempts] = await Promise.all([ledger.listSegments(jobId), ledger.listAttempts(jobId)]);
      const rows: SeriesRow[] = [];
      for (const { attempt, blob_key } of segments) {
        const next = attempts.find(({ n, first_step_at }) => n > attempt && first_step_at !== null);
        const file = await SegmentFile.open(Buffer.concat(await (await blobs.read(blob_key)).toArray()));
        const stored = rowsOfChunks(await Promise.all(file.chunks.map((chunk) => file.rows(chunk, () => true))));
        rows.push(...stored.filter(({ step }) => !next || step <= (next.from_step ?? 0)));
      }
      return rows;
    },
    async close() {
      for (const { child, exited } of workers) {
        child.kill('SIGKILL');
        await exited;
      }
      await dispatcher.close();
      await queues.close();
      redis.disconnect();
      await keeper.stop();
      await ledger.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Resolves when no process has the id any more. */
export async function processGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
