import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'bullmq';
import type { Logger } from 'pino';
import { openBlobs } from '../blobs/open.ts';
import type { Config } from '../config.ts';
import { publishNudge } from '../jobs/nudge.ts';
import { QUEUE_PREFIX, WORKER_OPTIONS } from '../jobs/queue.ts';
import { openImpatientRedis, openPatientRedis } from '../jobs/redis.ts';
import { type Registration, registerWorker, type WorkerRecord } from '../jobs/workers.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openLedger } from '../ledger/open.ts';
import { countedJobs } from '../metrics/counted-jobs.ts';
import { countedWork } from '../metrics/counted-work.ts';
import { listenForMetrics, type MetricsListener } from '../metrics/listener.ts';
import { openMetrics } from '../metrics/registry.ts';
import { timedBlobs, timedLedger } from '../metrics/timed.ts';
import { tellOfGpu } from '../metrics/worker-metrics.ts';
import type { ModelFacts } from '../model/facts.ts';
import { openTracing } from '../tracing/tracing.ts';
import { handleDelivery } from './delivery.ts';
import type { EngineReady } from './engine-process.ts';
import { engineEnvironment } from './environment.ts';
import type { WorkerParts } from './parts.ts';
import { predictionEngine } from './predictions/prediction-engine.ts';
import { servePredictions } from './predictions/serve-predictions.ts';
import { type Abandoned, openScratch } from './scratch.ts';
import { warmEngines } from './warm-engines.ts';

/** What a worker is given besides its configuration. */
export interface WorkOptions {
  /** The module an engine process runs. */
  engineEntry: URL;
  /** The worker's own environment; engines see a few harmless variables of it. */
  environment: Record<string, string | undefined>;
  /** Reads what is known of a model file without running it. Throws Problem. */
  inspectModel: (path: string) => Promise<ModelFacts>;
  /** How long a cancelled engine may take to say so before it is ended; default 5 s. */
  cancelGraceMs?: number;
}

/** A worker that takes jobs. */
export interface RunningWorker {
  id: string;
  facts: EngineReady;
  /** Gives its job back, ends its engines, and takes no more. */
  close(): Promise<void>;
}

const CANCEL_GRACE_MS = 5_000;
/** A main thread that is silent for this long is not coming back. */
const SILENCE_SECONDS = 10;
/** Redis may be away when the worker stops; what it would be told, it finds out by itself. */
const GOODBYE_MS = 3_000;

/**
 * Starts a worker: it takes jobs of its device's queue, one at a time, and lets engines compute them. Redis may be away, now or later: a job that runs goes
 * on and ends in the ledger. Throws an Error when no engine can start here.
 */
export async function work(config: Config, log: Logger, options: WorkOptions): Promise<RunningWorker> {
  const id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const threads = config.threads ?? availableParallelism();
  const stopping = new AbortController();
  const metrics = openMetrics('worker');
  const tracing = await openTracing(config.tracing, 'worker', log);
  const ledger = countedWork(countedJobs(timedLedger(await openLedger(config), metrics), metrics), metrics);
  await ledger.migrate();
  const blobs = timedBlobs(await openBlobs(config), metrics);
  const scratch = await openScratch(join(config.dataFolder, 'scratch'), id);
  await takeBack(scratch.abandoned, ledger, log);
  const restarts = metrics.counter('espalier_engine_restarts_total');
  const { engines, facts } = await warmEngines({
    entry: options.engineEntry,
    device: config.device,
    threads,
    environment: (device, count) => engineEnvironment(options.environment, { device, threads: count }),
    silenceSeconds: SILENCE_SECONDS,
    log,
    onWarm: () => metrics.counter('espalier_engines_started_total').inc(),
    onReplaced: (during) => restarts.inc({ during }),
  });
  if (facts.device === 'gpu') tellOfGpu(metrics);
  // A worker that nobody can watch works all the same.
  let listener: MetricsListener | null = null;
  if (config.workerMetrics !== null) {
    const place = config.workerMetrics;
    listener = await listenForMetrics(metrics, place).catch((error) => {
      log.error({ err: error, ...place }, 'Metrics cannot be had: the worker cannot listen there');
      return null;
    });
  }
  const queueRedis = openPatientRedis(config.redisUrl, log, config.redisTls);
  const listRedis = openImpatientRedis(config.redisUrl, log, config.redisTls);
  const parts: WorkerParts = {
    id,
    ledger,
    blobs,
    engines,
    facts,
    scratch,
    config,
    environment: options.environment,
    log,
    tracing,
    inspectModel: options.inspectModel,
    nudgeDispatcher: () => void publishNudge(listRedis),
    stopping: stopping.signal,
    cancelGraceMs: options.cancelGraceMs ?? CANCEL_GRACE_MS,
  };

  const worker = new Worker(facts.device, (delivery) => handleDelivery(delivery.data, parts, delivery.timestamp), {
    ...WORKER_OPTIONS,
    prefix: QUEUE_PREFIX,
    connection: queueRedis,
    concurrency: 1,
  });
  // The connections say when Redis goes and comes back; BullMQ repeats it for every command that it misses.
  worker.on('error', (error) => log.debug({ err: error }, 'Queue reported an error'));
  worker.on('failed', (delivery, error) => {
    if (!stopping.signal.aborted) log.error({ err: error, delivery: delivery?.data }, 'Delivery was not handled');
  });
  const predictions = servePredictions({
    queueRedis,
    redis: listRedis,
    ledger,
    blobs,
    engine: predictionEngine({
      entry: options.engineEntry,
      environment: options.environment,
      silenceSeconds: SILENCE_SECONDS,
      log,
      onFailed: () => restarts.inc({ during: 'prediction' }),
    }),
    log,
  });
  const record: WorkerRecord = {
    id,
    queues: [facts.device, 'predict'],
    device: facts.device,
    tensorflow: facts.tensorflow,
    threads: facts.threads,
    pid: process.pid,
    host: hostname(),
    started_at: new Date().toISOString(),
  };
  let registration: Registration | null = null;
  const register = async () => {
    await registration?.stop();
    registration = registerWorker(listRedis, record, log);
  };
  // A Redis that comes back may have forgotten who lives.
  listRedis.on('ready', register);
  if (listRedis.status === 'ready') await register();
  log.info({ worker: id, device: facts.device, tensorflow: facts.tensorflow, threads: facts.threads }, 'Worker takes jobs');

  return {
    id,
    facts,
    async close() {
      stopping.abort(new Error('The worker stops'));
      const goodbye = Promise.allSettled([worker.close(), predictions.close(), registration?.stop()]);
      await Promise.race([goodbye, pause(GOODBYE_MS, undefined, { ref: false })]);
      await engines.close();
      await scratch.close();
      await listener?.close();
      queueRedis.disconnect();
      listRedis.disconnect();
      await ledger.close();
      await blobs.close();
      await tracing.close();
      log.info({ worker: id }, 'Worker stopped');
    },
  };
}

/** What a worker that was killed on this machine was at goes back into the queue, without waiting for its heartbeat to be missed. */
async function takeBack(abandoned: readonly Abandoned[], ledger: Ledger, log: Logger): Promise<void> {
  for (const { jobId, attempt } of abandoned) {
    if (await ledger.releaseJob(jobId, attempt, 'worker_lost'))
      log.warn({ job_id: jobId, attempt }, 'Job taken back from a worker that is gone');
  }
}
