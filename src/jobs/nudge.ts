import { type RedisConnection, sameRedis } from './redis.ts';

const CHANNEL = 'espalier:nudge';

/** Tells the dispatcher, in whichever process it is, that there may be something to do. Nothing is lost when it does not hear: it looks every second. */
export async function publishNudge(redis: RedisConnection): Promise<void> {
  if (redis.status !== 'ready') return;
  await redis.publish(CHANNEL, '').catch(() => undefined);
}

/** Calls `listener` for every nudge, over a connection of its own, until closed. */
export function onNudge(redis: RedisConnection, listener: () => void): { close(): void } {
  const subscriber = sameRedis(redis);
  // Its outages are those of the connection it was made from, which logs them.
  subscriber.on('error', () => undefined);
  subscriber.on('ready', () => {
    subscriber.subscribe(CHANNEL).catch(() => undefined);
  });
  subscriber.on('message', listener);
  return { close: () => subscriber.disconnect() };
}
