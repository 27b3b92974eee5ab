/** A server's side of predictions: a bounded number of places, a queue, and the answers of whichever worker was free. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { Problem } from '../../errors.ts';
import { newId } from '../ids.ts';
import { QUEUE_PREFIX } from '../queue.ts';
import { type RedisConnection, sameRedis } from '../redis.ts';
import { listWorkers } from '../workers.ts';
import { type NamedArray, packArrays } from './arrays.ts';
import { PREDICTION_LIMITS } from './limits.ts';
import { ABANDONED_CHANNEL, PREDICTION_QUEUE, type PredictionDelivery, predictionKeys, unpackAnswer } from './messages.ts';

/** A place among the predictions of a server. */
export interface PredictionPlace {
  /**
   * The model's outputs for inputs by name, in the model's order. Throws Problem: UNAVAILABLE where no worker predicts or Redis is lost meanwhile,
   * PREDICTION_TIMED_OUT, and what the worker answers. When `gone` is aborted the prediction is called off.
   */
  predict(model: { tenant: string; model_id: string }, inputs: readonly NamedArray[], gone: AbortSignal): Promise<NamedArray[]>;
}

export interface Predictions {
  /** Does the work in a place of its own. Throws Problem TOO_MANY_REQUESTS where the tenant has all it may, UNAVAILABLE where all are taken. */
  within<Result>(tenant: string, work: (place: PredictionPlace) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** How often it looks for an answer unasked: a message is lost with the connection that it came over. */
const LOOK_EVERY_MS = 500;

/** `redis` is an impatient connection and stays the caller's; one more is opened with the first prediction. */
export function openPredictions(redis: RedisConnection, log: Logger, limits: Partial<typeof PREDICTION_LIMITS> = {}): Predictions {
  const { at_once, at_once_per_tenant, max_seconds } = { ...PREDICTION_LIMITS, ...limits };
  const ownChannel = `${QUEUE_PREFIX}:predictions:${randomUUID()}`;
  const taken = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  let queue: Queue<PredictionDelivery> | null = null;
  let subscriber: RedisConnection | null = null;

  const subscribe = () => {
    if (subscriber) return;
    const own = sameRedis(redis);
    subscriber = own;
    // Its outages are those of the connection it was made from, which logs them.
    own.on('error', () => undefined);
    own.on('ready', () => void own.subscribe(ownChannel).catch(() => undefined));
    own.on('message', (_channel, id: string) => waiting.get(id)?.());
  };
  const queueOf = (): Queue<PredictionDelivery> => {
    if (queue) return queue;
    queue = new Queue<PredictionDelivery>(PREDICTION_QUEUE, { connection: redis, prefix: QUEUE_PREFIX });
    queue.on('error', () => undefined);
    return queue;
  };
  const forgetQueue = async () => {
    const old = queue;
    queue = null;
    await old?.close().catch(() => undefined);
  };

  async function enqueue(delivery: PredictionDelivery, inputs: readonly NamedArray[], priority: number): Promise<void> {
    if (redis.status !== 'ready') throw away(new Error(`Redis is away (${redis.status})`));
    try {
      const workers = await listWorkers(redis);
      if (!workers.some(({ queues }) => queues.includes('predict'))) throw new Problem('UNAVAILABLE', 'No worker is there to predict');
      subscribe();
      await redis.set(predictionKeys(delivery.id).inputs, packArrays(inputs), 'PX', max_seconds * 1_000);
      await queueOf().add('prediction', delivery, {
        jobId: delivery.id,
        // The second of a tenant comes after everybody's first: a tenant that asks for much waits for itself.
        priority,
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
      });
    } catch (error) {
      if (error instanceof Problem) throw error;
      await forgetQueue();
      throw away(error);
    }
  }

  /** Looks for the answer whenever there is reason to. */
  async function answerOf(id: string, gone: AbortSignal): Promise<NamedArray[]> {
    const keys = predictionKeys(id);
    gone.addEventListener('abort', () => waiting.get(id)?.(), { once: true });
    const deadline = performance.now() + max_seconds * 1_000;
    for (;;) {
      const woken = Promise.withResolvers<void>();
      waiting.set(id, woken.resolve);
      // First whether it is still to come, then whether it is there: in the other order it could be both not.
      let known: number;
      let answer: Buffer | null;
      try {
        known = await redis.exists(keys.inputs);
        answer = await redis.getBuffer(keys.answer);
      } catch (error) {
        throw away(error);
      }
      if (answer) {
        const unpacked = unpackAnswer(answer);
        if (unpacked.kind === 'outputs') return unpacked.outputs;
        throw new Problem(unpacked.code, unpacked.detail);
      }
      if (gone.aborted) throw new Problem('UNAVAILABLE', 'The prediction was called off: the caller has gone, or the server closes');
      const left = deadline - performance.now();
      if (left <= 0) throw timedOut(max_seconds);
      if (known === 0 && left > LOOK_EVERY_MS) throw away(new Error('Redis has forgotten the prediction'));
      const timer = setTimeout(woken.resolve, Math.min(left, LOOK_EVERY_MS));
      await woken.promise;
      clearTimeout(timer);
    }
  }

  /** Whatever came of it, nothing of it stays; a worker that is at it stops. */
  async function forget(id: string, answered: boolean): Promise<void> {
    waiting.delete(id);
    const keys = predictionKeys(id);
    await redis.del(keys.inputs, keys.answer).catch(() => undefined);
    if (answered) return;
    // A worker that has it already holds its lock.
    await queue?.remove(id).catch(() => undefined);
    await redis.publish(ABANDONED_CHANNEL, id).catch(() => undefined);
  }

  return {
    async within(tenant, work) {
      const own = taken.get(tenant) ?? 0;
      const all = [...taken.values()].reduce((sum, count) => sum + count, 0);
      if (own >= at_once_per_tenant) {
        throw new Problem('TOO_MANY_REQUESTS', `${own} predictions of this tenant are under way; at most ${at_once_per_tenant} may be`, {
          headers: { 'retry-after': '1' },
        });
      }
      if (all >= at_once) throw new Problem('UNAVAILABLE', `All ${at_once} places for predictions are taken`);
      taken.set(tenant, own + 1);
      try {
        return await work({
          async predict(model, inputs, gone) {
            const id = newId('prd');
            let answered = false;
            try {
              await enqueue({ id, ...model, answer_to: ownChannel }, inputs, own + 1);
              const outputs = await answerOf(id, gone);
              answered = true;
              return outputs;
            } finally {
              await forget(id, answered);
              log.debug({ prediction: id, answered }, 'Prediction left');
            }
          },
        });
      } finally {
        const left = (taken.get(tenant) ?? 1) - 1;
        if (left > 0) taken.set(tenant, left);
        else taken.delete(tenant);
      }
    },

    async close() {
      subscriber?.disconnect();
      await forgetQueue();
    },
  };
}

function away(cause: unknown): Problem {
  return new Problem('UNAVAILABLE', 'Predictions pass through Redis, which does not answer or has lost this one', { cause });
}

function timedOut(seconds: number): Problem {
  return new Problem(
    'PREDICTION_TIMED_OUT',
    `There was no answer after ${seconds} s: the prediction waited behind others, or the model takes long for so many samples. Send fewer, or try again`,
  );
}
