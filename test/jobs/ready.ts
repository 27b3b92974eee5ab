import type { Redis } from 'ioredis';

/** Resolves once the connection takes commands. */
export async function becomesReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
}
