import { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisTls } from '../config.ts';
import { clusterAddress } from './redis-cluster.ts';

/** A connection to a Redis, or to the nodes of a Redis Cluster. Keys of one command have to lie in one slot: their names have the same braces. */
export type RedisConnection = Redis | Cluster;

/** How often a Cluster is asked for its nodes. */
const NODES_EVERY_MS = 2_000;

/** What it does while it waits: for a connection, for an answer, and for a server that is away. Times in milliseconds. */
interface Patience {
  lazyConnect?: boolean;
  connectTimeout?: number;
  commandTimeout?: number;
  enableOfflineQueue?: boolean;
  maxRetriesPerRequest: number | null;
  retryStrategy: (times: number) => number | null;
}

/**
 * A connection for those who must go on without Redis: commands fail at once while it is away, and after 2 s when it does not answer. It reconnects by
 * itself for as long as it is open. `url` is a redis:// or rediss:// URL, the path of a Unix socket, or the redis+cluster:// or rediss+cluster:// URL of some
 * nodes of a Redis Cluster; `tls` is for those with TLS.
 */
export function openImpatientRedis(url: string, log: Logger, tls: RedisTls | null = null): RedisConnection {
  return open(url, log, tls, { enableOfflineQueue: false, commandTimeout: 2_000, maxRetriesPerRequest: 0 });
}

/** A connection for those who wait for Redis: commands are kept until it is back. What BullMQ wants of a worker's connection. */
export function openPatientRedis(url: string, log: Logger, tls: RedisTls | null = null): RedisConnection {
  return open(url, log, tls, { maxRetriesPerRequest: null });
}

/** A connection as `url` and `tls` say. */
export function connectRedis(url: string, tls: RedisTls | null, patience: Patience): RedisConnection {
  const cluster = clusterAddress(url);
  if (!cluster) return new Redis(url, { ...patience, ...(tls ? { tls } : {}) });
  const { retryStrategy, enableOfflineQueue = true, lazyConnect = false, ...rest } = patience;
  return new Cluster(cluster.nodes, {
    clusterRetryStrategy: retryStrategy,
    // A node that was lost is looked for by commands for its slots alone, and the list of workers is asked of the nodes that are known.
    slotsRefreshInterval: NODES_EVERY_MS,
    enableOfflineQueue,
    lazyConnect,
    redisOptions: {
      ...rest,
      ...(cluster.username === undefined ? {} : { username: cluster.username }),
      ...(cluster.password === undefined ? {} : { password: cluster.password }),
      ...(cluster.tls ? { tls: tls ?? {} } : {}),
    },
    // A certificate is for the name, which an address in its place would hide.
    ...(cluster.tls ? { dnsLookup: (name, found) => found(null, name) } : {}),
  });
}

/** Another connection to the same place. */
export function sameRedis(redis: RedisConnection): RedisConnection {
  return redis instanceof Cluster ? redis.duplicate() : redis.duplicate();
}

/** Those that hold keys: the one Redis, or the masters of a Cluster. */
export function mastersOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

function open(
  url: string,
  log: Logger,
  tls: RedisTls | null,
  patience: Omit<Patience, 'connectTimeout' | 'retryStrategy'>,
): RedisConnection {
  const redis = connectRedis(url, tls, {
    connectTimeout: 5_000,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1_000),
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
