/** A worker's side of predictions: it takes one at a time from their queue, beside the job that it may be running. */
import { Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { Blobs } from '../../blobs/blobs.ts';
import { Problem, received } from '../../errors.ts';
import { unpackArrays } from '../../jobs/predictions/arrays.ts';
import { PREDICTION_LIMITS } from '../../jobs/predictions/limits.ts';
import {
  ABANDONED_CHANNEL,
  isPredictionDelivery,
  PREDICTION_QUEUE,
  type PredictionAnswer,
  type PredictionDelivery,
  packAnswer,
  predictionKeys,
} from '../../jobs/predictions/messages.ts';
import { QUEUE_PREFIX, WORKER_OPTIONS } from '../../jobs/queue.ts';
import { type RedisConnection, sameRedis } from '../../jobs/redis.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { goneAt } from '../../ledger/retention.ts';
import type { PredictionEngine } from './prediction-engine.ts';

/** What an answer may wait in Redis for a server that was slow to hear of it. */
const ANSWER_EXPIRY_MS = 30_000;

/**
 * Starts taking predictions. `queueRedis` is a patient connection, `redis` an impatient one; both stay the caller's. Redis may go and come back: what was
 * asked meanwhile has been answered by the servers themselves.
 */
export function servePredictions(options: {
  queueRedis: RedisConnection;
  redis: RedisConnection;
  ledger: Pick<Ledger, 'findModel'>;
  blobs: Pick<Blobs, 'localPath'>;
  engine: PredictionEngine;
  log: Logger;
}): { close(): Promise<void> } {
  const { queueRedis, redis, ledger, blobs, engine, log } = options;
  let closing = false;
  const current = new Map<string, AbortController>();
  const subscriber = sameRedis(redis);
  subscriber.on('error', () => undefined);
  subscriber.on('ready', () => void subscriber.subscribe(ABANDONED_CHANNEL).catch(() => undefined));
  subscriber.on('message', (_channel, id: string) => current.get(id)?.abort());

  async function answerFor(
    delivery: PredictionDelivery,
    packed: Buffer,
    limitMs: number,
  ): Promise<PredictionAnswer | { kind: 'cancelled' }> {
    const abandoned = new AbortController();
    current.set(delivery.id, abandoned);
    try {
      const model = await ledger.findModel(delivery.tenant, delivery.model_id);
      if (!model || goneAt(model, Date.now()) !== null) throw new Problem('GONE', `The model ${delivery.model_id} was deleted`);
      return await engine.predict(
        {
          model_path: await blobs.localPath(model.blob_key),
          model_sha256: model.sha256,
          inputs: unpackArrays(packed).arrays,
          max_output_bytes: PREDICTION_LIMITS.max_output_bytes,
        },
        { limitMs, abandoned: abandoned.signal },
      );
    } catch (error) {
      if (error instanceof Problem) return { kind: 'failed', code: error.code, detail: error.message };
      log.error({ err: error, prediction: delivery.id }, 'Prediction failed');
      return { kind: 'failed', code: 'INTERNAL', detail: 'The worker failed; its log says why' };
    } finally {
      current.delete(delivery.id);
    }
  }

  async function handle(delivery: unknown): Promise<void> {
    if (!isPredictionDelivery(delivery)) {
      log.error({ payload: received(delivery) }, 'Prediction dropped: it is not one of ours');
      return;
    }
    const keys = predictionKeys(delivery.id);
    const begun = performance.now();
    const [packed, limitMs] = await Promise.all([redis.getBuffer(keys.inputs), redis.pttl(keys.inputs)]);
    if (!packed || limitMs <= 0) {
      log.info({ prediction: delivery.id }, 'Prediction dropped: nobody waits for it');
      return;
    }
    const made = await answerFor(delivery, packed, limitMs);
    const answer: typeof made =
      closing && made.kind !== 'outputs' ? { kind: 'failed', code: 'UNAVAILABLE', detail: 'The worker that predicted stops' } : made;
    const ms = Math.round(performance.now() - begun);
    log.info({ prediction: delivery.id, model_id: delivery.model_id, outcome: answer.kind, ms }, 'Prediction left the engine');
    if (answer.kind === 'cancelled') return;
    await redis.set(keys.answer, packAnswer(answer), 'PX', ANSWER_EXPIRY_MS);
    await redis.publish(delivery.answer_to, delivery.id);
  }

  const worker = new Worker(PREDICTION_QUEUE, ({ data }) => handle(data), {
    ...WORKER_OPTIONS,
    prefix: QUEUE_PREFIX,
    connection: queueRedis,
    concurrency: 1,
    // Whoever waits does so for half a minute: a worker that is gone must be noticed within it. Twice is a model that ends workers.
    lockDuration: 6_000,
    stalledInterval: 3_000,
    maxStalledCount: 1,
  });
  worker.on('error', (error) => log.debug({ err: error }, 'Queue of predictions reported an error'));
  worker.on('failed', (delivery, error) => log.warn({ err: error, prediction: delivery?.id }, 'Prediction was not answered'));

  return {
    async close() {
      closing = true;
      for (const abandoned of current.values()) abandoned.abort();
      subscriber.disconnect();
      await Promise.all([worker.close(), engine.close()]);
    },
  };
}
