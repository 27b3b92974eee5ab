/** Which workers live, as they say themselves: a key in Redis that goes 15 s after its worker does. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { choice, strictObject } from '../schema.ts';
import { mastersOf, type RedisConnection } from './redis.ts';

export const WorkerRecord = strictObject({
  id: Type.String(),
  queues: Type.Array(choice(['cpu', 'gpu', 'predict']), {
    description: 'The queues it takes jobs from; `predict` is that of predictions.',
  }),
  device: choice(['cpu', 'gpu']),
  tensorflow: Type.String({ description: 'The version of the TensorFlow it computes with.' }),
  threads: Type.Integer({ minimum: 1 }),
  pid: Type.Integer(),
  host: Type.String(),
  started_at: Type.String({ format: 'date-time' }),
});
export type WorkerRecord = Static<typeof WorkerRecord>;

const KEY = 'espalier:workers:';
const EXPIRY_S = 15;
const EVERY_MS = 5_000;
const records = Compile(WorkerRecord);

export interface Registration {
  /** Takes the worker off the list and stops renewing. */
  stop(): Promise<void>;
}

/** Puts a worker on the list and keeps it there. A failed renewal is logged and tried again. */
export function registerWorker(redis: RedisConnection, record: WorkerRecord, log: Logger): Registration {
  const key = `${KEY}${record.id}`;
  let renewing = Promise.resolve();
  const renew = () => {
    renewing = redis.set(key, JSON.stringify(record), 'EX', EXPIRY_S).then(
      () => undefined,
      (error) => log.debug({ err: error }, 'Worker was not put on the list'),
    );
  };
  renew();
  const timer = setInterval(renew, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await renewing;
      await redis.del(key).catch(() => undefined);
    },
  };
}

/** The workers that live now. Rejects when Redis is away. */
export async function listWorkers(redis: RedisConnection): Promise<WorkerRecord[]> {
  // A Cluster's nodes may both have a key for a moment, while its slot moves.
  const keys = new Set((await Promise.all(mastersOf(redis).map(keysOf))).flat());
  const texts = await Promise.all([...keys].map((key) => redis.get(key)));
  const workers = texts.map(parse).filter((record) => record !== null);
  return workers.sort((one, other) => (one.id < other.id ? -1 : 1));
}

async function keysOf(node: Redis): Promise<string[]> {
  const keys: string[] = [];
  for (let cursor = '0'; ; ) {
    const [next, found] = await node.scan(cursor, 'MATCH', `${KEY}*`, 'COUNT', 1_000);
    keys.push(...found);
    if (next === '0') return keys;
    cursor = next;
  }
}

/** Null for what is no record of ours: a worker of another version may be on the list. */
function parse(text: string | null): WorkerRecord | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return records.Check(value) ? value : null;
  } catch {
    return null;
  }
}
