import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { openImpatientRedis } from '../../src/jobs/redis.ts';
import { registerWorker } from '../../src/jobs/workers.ts';
import { becomesReady } from '../jobs/ready.ts';
import { startRedis } from '../jobs/redis-server.ts';
import { ROOT } from './dockerfile.ts';

/** Exit code and what was said, as an engine would see them. */
function check(name: string[], environment: Record<string, string>): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'docker/healthcheck.mjs'), ...name], {
      env: { PATH: process.env.PATH, NODE_NO_WARNINGS: '1', ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (bytes) => {
      said += bytes;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, said: said.trim() }));
  });
}

describe('the health check of a server', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function answering(statuses: Record<string, number>): Promise<Record<string, string>> {
    server = createServer((request, response) => response.writeHead(statuses[request.url ?? ''] ?? 404).end('the reason'));
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return { HOST: '0.0.0.0', PORT: `${(server.address() as AddressInfo).port}` };
  }

  it('passes when it is ready', async () => {
    expect(await check([], await answering({ '/readyz': 200 }))).toEqual({ code: 0, said: '' });
  });

  it('fails with the answer when it is not ready', async () => {
    expect(await check([], await answering({ '/readyz': 503 }))).toEqual({ code: 1, said: '/readyz answered 503: the reason' });
  });

  it('asks `espalier serve` only whether it lives', async () => {
    expect(await check(['server'], await answering({ '/readyz': 503, '/healthz': 200 }))).toEqual({ code: 0, said: '' });
  });

  it('fails when nothing listens', async () => {
    const environment = await answering({});
    await new Promise((resolve) => server?.close(resolve));
    const { code, said } = await check([], environment);
    expect(code).toBe(1);
    expect(said).toContain('ECONNREFUSED');
  });
});

describe('the health check of a worker', () => {
  it('passes while a worker of this host is on the list', async () => {
    const redis = await startRedis();
    const log = pino({ level: 'silent' });
    const connection = openImpatientRedis(redis.url, log);
    try {
      await becomesReady(connection);
      const environment = { REDIS_URL: `unix:${redis.url}` };
      expect(await check(['worker'], environment)).toEqual({ code: 1, said: `No worker of ${hostname()} is on the list: it is empty` });
      const record = { id: 'one', queues: ['cpu' as const], device: 'cpu' as const, tensorflow: '2.21.0', threads: 1, pid: 1 };
      const registration = registerWorker(connection, { ...record, host: hostname(), started_at: '2026-01-01T00:00:00Z' }, log);
      await expect.poll(() => connection.exists('espalier:workers:one')).toBe(1);
      expect(await check(['worker'], environment)).toEqual({ code: 0, said: '' });
      await registration.stop();
    } finally {
      connection.disconnect();
      await redis.destroy();
    }
  }, 20_000);

  it('fails in time when Redis does not answer', async () => {
    const { code, said } = await check(['worker'], { REDIS_URL: 'unix:/nowhere/redis.sock' });
    expect({ code, said }).toEqual({ code: 1, said: 'Nothing answered in 4000 ms' });
  }, 20_000);
});
