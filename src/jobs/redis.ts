import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisTls } from '../config.ts';

/**
 * A connection for those who must go on without Redis: commands fail at once while it is away, and after 2 s when it does not answer. It reconnects by
 * itself for as long as it is open. `url` is a redis:// or rediss:// URL or the path of a Unix socket; `tls` is for rediss://.
 */
export function openImpatientRedis(url: string, log: Logger, tls: RedisTls | null = null): Redis {
  return open(url, log, tls, { enableOfflineQueue: false, commandTimeout: 2_000, maxRetriesPerRequest: 0 });
}

/** A connection for those who wait for Redis: commands are kept until it is back. What BullMQ wants of a worker's connection. */
export function openPatientRedis(url: string, log: Logger, tls: RedisTls | null = null): Redis {
  return open(url, log, tls, { maxRetriesPerRequest: null });
}

interface Patience {
  enableOfflineQueue?: boolean;
  commandTimeout?: number;
  maxRetriesPerRequest: number | null;
}

function open(url: string, log: Logger, tls: RedisTls | null, patience: Patience): Redis {
  const redis = new Redis(url, {
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1_000),
    ...(tls ? { tls } : {}),
    ...patience,
  });
  let away = false;
  let lastError: Error | undefined;
  redis.on('error', (error) => {
    lastError = error;
  });
  // One line for an outage, however many attempts it takes to end it.
  redis.on('reconnecting', () => {
    if (!away) log.warn({ err: lastError }, 'Redis cannot be reached');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log.info('Redis is back');
    away = false;
  });
  return redis;
}
