/** The queues between dispatcher and workers. They carry no truth: a delivery says only that a job may be attempted, and the ledger decides. */
import { Queue, type WorkerOptions } from 'bullmq';
import type { RedisConnection } from './redis.ts';

/** One queue a kind of device. */
export const QUEUES = ['cpu', 'gpu'] as const;
export type QueueName = (typeof QUEUES)[number];

/** The braces keep all keys of a queue in one slot of a Redis Cluster. */
export const QUEUE_PREFIX = '{espalier}';

/** What a queue carries. `attempt` is the number the attempt would have: `claimJob` refuses an old one. */
export interface Delivery {
  job_id: string;
  attempt: number;
}

/**
 * Options for every BullMQ Worker of ours. A job whose worker was killed must come back however often that happens (BullMQ gives up for good after
 * `maxStalledCount`), since it is the ledger that counts attempts.
 */
export const WORKER_OPTIONS = {
  prefix: QUEUE_PREFIX,
  lockDuration: 30_000,
  stalledInterval: 15_000,
  maxStalledCount: 1_000_000,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
} as const satisfies Partial<WorkerOptions>;

export interface Queues {
  /** Adds a delivery; adding one that is there changes nothing. Rejects at once when Redis is away. */
  add(queue: QueueName, delivery: Delivery): Promise<void>;
  /** Leaves the connection open. */
  close(): Promise<void>;
}

/** The producers' side. `redis` is an impatient connection, which stays the caller's. */
export function openQueues(redis: RedisConnection): Queues {
  const open = new Map<QueueName, Queue<Delivery>>();

  // Made only while Redis is there: a BullMQ queue that fails to start never starts again.
  const queueOf = (name: QueueName): Queue<Delivery> => {
    const known = open.get(name);
    if (known) return known;
    const queue = new Queue<Delivery>(name, { connection: redis, prefix: QUEUE_PREFIX });
    // Its errors are those of the connection, which logs them.
    queue.on('error', () => undefined);
    open.set(name, queue);
    return queue;
  };
  const forget = async (name: QueueName) => {
    const queue = open.get(name);
    open.delete(name);
    await queue?.close().catch(() => undefined);
  };

  return {
    async add(name, delivery) {
      if (redis.status !== 'ready') throw new Error(`Redis is away (${redis.status})`);
      try {
        await queueOf(name).add('attempt', delivery, {
          jobId: `${delivery.job_id}-${delivery.attempt}`,
          attempts: 1,
          // A finished id that Redis remembers would be ignored, silently, when it is added again.
          removeOnComplete: true,
          removeOnFail: true,
        });
      } catch (error) {
        await forget(name);
        throw error;
      }
    },

    async close() {
      await Promise.all(QUEUES.map(forget));
    },
  };
}
