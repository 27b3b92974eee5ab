import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import { connectRedis, mastersOf } from '../jobs/redis.ts';

/** BullMQ asks for no less, and the tests run on Debian's 7.0. */
const OLDEST = [6, 2] as const;

/** What there is to say of Redis: the one that is configured, or the program that `espalier up` runs. Throws an Error that says what to do. */
export async function redisFinding(config: Pick<Config, 'embeddedRedis' | 'redisUrl' | 'redisTls'>): Promise<string> {
  if (config.embeddedRedis) {
    const { stdout } = await promisify(execFile)('redis-server', ['--version']).catch(() => {
      throw new Error('redis-server is not installed: run scripts/setup.sh runtime, or set REDIS_URL');
    });
    return `redis-server ${recent(/v=([\d.]+)/.exec(stdout)?.[1])}, run by espalier up`;
  }
  const client = connectRedis(config.redisUrl, config.redisTls, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  let fault: Error | null = null;
  client.on('error', (error) => {
    fault = error;
  });
  try {
    await client.connect();
    const masters = mastersOf(client);
    const found = await Promise.all(masters.map(nodeFinding));
    return masters.length > 1 ? `a Cluster of ${masters.length} masters, ${found[0]}` : found[0]!;
  } catch (error) {
    throw fault ?? error;
  } finally {
    client.disconnect();
  }
}

async function nodeFinding(node: Redis): Promise<string> {
  const version = recent(/redis_version:([\d.]+)/.exec(await node.info('server'))?.[1]);
  const [, policy] = (await node.config('GET', 'maxmemory-policy').catch(() => [])) as string[];
  // A service that is rented may not tell.
  const told = policy ?? /maxmemory_policy:(\S+)/.exec(await node.info('memory'))?.[1];
  if (told !== undefined && told !== 'noeviction')
    throw new Error(`maxmemory-policy is ${told}; it must be noeviction, or Redis drops what waits in its queues`);
  return `${version} answers, ${told === undefined ? 'its maxmemory-policy is not told and must be noeviction' : 'noeviction'}`;
}

function recent(version: string | undefined): string {
  if (version === undefined) return '(version unknown)';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    throw new Error(`${version}; Redis ${OLDEST.join('.')} or newer is needed`);
  return version;
}
