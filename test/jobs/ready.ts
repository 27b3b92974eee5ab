import type { RedisConnection } from '../../src/jobs/redis.ts';

/** Resolves once the connection takes commands. */
export async function becomesReady(redis: RedisConnection): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
}
