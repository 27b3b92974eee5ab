import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface TestRedis {
  /** What ioredis takes. */
  url: string;
  /** Kills it with all it knew. */
  kill(): Promise<void>;
  /** Starts an empty one in its place. */
  start(): Promise<void>;
  destroy(): Promise<void>;
}

/** A redis-server with these arguments, which has started when it says a line like that; killed with all it knew. */
export function redisProcess(args: readonly string[], ready: RegExp): Pick<TestRedis, 'start' | 'kill'> {
  let child: ChildProcess | null = null;
  return {
    async start() {
      const started = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      child = started;
      for await (const line of createInterface({ input: started.stdout })) if (ready.test(line)) break;
      started.stdout.resume();
    },
    async kill() {
      if (!child) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      child = null;
      await gone;
    },
  };
}

/** A Redis of the test's own, on a Unix socket, that keeps nothing on disk. */
export async function startRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-redis-'));
  const url = join(folder, 'redis.sock');
  const args = ['--port', '0', '--unixsocket', url, '--save', '', '--appendonly', 'no', '--dir', folder];
  const redis: TestRedis = {
    url,
    ...redisProcess(args, /ready to accept connections/i),
    async destroy() {
      await redis.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await redis.start();
  return redis;
}
