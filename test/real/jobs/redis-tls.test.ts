import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { openQueues, QUEUE_PREFIX, WORKER_OPTIONS } from '../../../src/jobs/queue.ts';
import { openImpatientRedis, openPatientRedis } from '../../../src/jobs/redis.ts';
import { makeAuthority } from '../../jobs/certificates.ts';
import { testLog } from '../../jobs/log.ts';
import { freePort } from '../../services/free-port.ts';

let folder: string;
let port: number;
let child: ChildProcess;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-redis-tls-'));
  const { certify } = await makeAuthority(folder);
  await certify('server');
  await certify('client');
  port = await freePort();
  const tls = [
    '--tls-port',
    `${port}`,
    '--tls-cert-file',
    at('server.crt'),
    '--tls-key-file',
    at('server.key'),
    '--tls-ca-cert-file',
    at('ca.crt'),
  ];
  child = spawn('redis-server', ['--port', '0', '--save', '', '--dir', folder, '--tls-auth-clients', 'yes', ...tls], { stdio: 'ignore' });
}, 60_000);
afterAll(async () => {
  const gone = once(child, 'exit');
  child.kill();
  await gone;
  await rm(folder, { recursive: true });
});

it('jobs go through a Redis that speaks TLS and asks for a certificate; one of another authority is not believed', async () => {
  const environment = {
    REDIS_URL: `rediss://127.0.0.1:${port}`,
    ESPALIER_REDIS_CA: at('ca.crt'),
    ESPALIER_REDIS_CERT: at('client.crt'),
    ESPALIER_REDIS_KEY: at('client.key'),
  };
  const { redisUrl, redisTls } = readConfig(environment);
  const journal = testLog();
  const producer = openImpatientRedis(redisUrl, journal.log, redisTls);
  const consumer = openPatientRedis(redisUrl, journal.log, redisTls);
  await expect.poll(() => producer.status, { timeout: 20_000 }).toBe('ready');
  // Not before the server listens.
  const stranger = openImpatientRedis(redisUrl, journal.log);
  const refused = once(stranger, 'error');

  const queues = openQueues(producer);
  let tell: (data: unknown) => void = () => undefined;
  const came = new Promise<unknown>((resolve) => {
    tell = resolve;
  });
  const options = { ...WORKER_OPTIONS, prefix: QUEUE_PREFIX, connection: consumer };
  const worker = new Worker('cpu', async ({ data }) => tell(data), options);
  worker.on('error', () => undefined);
  await queues.add('cpu', { job_id: 'job_1', attempt: 1 });
  expect(await came).toEqual({ job_id: 'job_1', attempt: 1 });
  expect(`${(await refused)[0]}`).toMatch(/self-signed|certificate/);
  await worker.close();
  await queues.close();
  for (const redis of [producer, consumer, stranger]) redis.disconnect();
}, 60_000);

it('certificates are for rediss:// and are read when the service starts', () => {
  const read = (more: Record<string, string>) => () => readConfig({ REDIS_URL: 'rediss://redis.example', ...more });
  expect(read({ REDIS_URL: 'redis://redis.example', ESPALIER_REDIS_CA: at('ca.crt') })).toThrow(
    /ESPALIER_REDIS_CA is for a Redis with TLS/,
  );
  expect(read({ ESPALIER_REDIS_CA: at('nothing') })).toThrow(/ESPALIER_REDIS_CA.*cannot be read/);
  expect(read({ ESPALIER_REDIS_CA: at('ca.crt'), ESPALIER_REDIS_CERT: at('client.crt') })).toThrow(/come together/);
});
