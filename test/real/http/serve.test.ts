import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { newKey } from '../../../src/http/keys.ts';
import { serve } from '../../../src/http/serve.ts';
import { QUEUE_PREFIX } from '../../../src/jobs/queue.ts';
import { openPatientRedis } from '../../../src/jobs/redis.ts';
import { registerWorker } from '../../../src/jobs/workers.ts';
import { openLedger } from '../../../src/ledger/open.ts';
import { PART_NODE_OPTIONS } from '../../../src/up/espalier-part.ts';
import { trainRequest } from '../../http/uploads.ts';
import { testLog } from '../../jobs/log.ts';
import { startRedis } from '../../jobs/redis-server.ts';
import { datasetSample, modelSample } from '../../ledger/samples.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-serve-'));
});
afterEach(() => rm(folder, { recursive: true }));

const environment = (more: Record<string, string> = {}) => ({
  PORT: '0',
  ESPALIER_DATA: folder,
  REDIS_URL: `unix:${join(folder, 'no-redis.sock')}`,
  ...more,
});
const configuration = (more: Record<string, string> = {}) => readConfig(environment(more));

describe('the server', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1'])('does not listen on %s without keys', async (HOST) => {
    await expect(serve(configuration({ HOST }), testLog().log)).rejects.toThrow(`HOST is '${HOST}'`);
  });

  it('listens beyond this machine with keys', async () => {
    const keys = join(folder, 'keys');
    await writeFile(keys, newKey({ tenant: 'a', role: 'write' }).line);
    const server = await serve(configuration({ HOST: '0.0.0.0', ESPALIER_API_KEYS_FILE: keys }), testLog().log);
    expect((await fetch(`http://127.0.0.1:${new URL(server.address).port}/v1/jobs`)).status).toBe(401);
    await server.close();
  });

  it('does not start when the keys cannot be read', async () => {
    const ESPALIER_API_KEYS_FILE = join(folder, 'none');
    await expect(serve(configuration({ ESPALIER_API_KEYS_FILE }), testLog().log)).rejects.toThrow('ENOENT');
  });

  it('picks a port, and writes its address where others find it', async () => {
    const server = await serve(configuration(), testLog().log);
    expect(await readFile(join(folder, 'address'), 'utf8')).toBe(`${server.address}\n`);
    expect((await fetch(new URL('/healthz', server.address))).status).toBe(200);
    await server.close();
    await expect(fetch(new URL('/healthz', server.address))).rejects.toThrow();
  });

  it('lets go of everything when its port is taken', async () => {
    const server = await serve(configuration(), testLog().log);
    const { port } = new URL(server.address);
    await expect(serve(configuration({ PORT: port }), testLog().log)).rejects.toThrow('EADDRINUSE');
    await server.close();
  });

  it('takes jobs while Redis is away, and queues them once it is there', async () => {
    const journal = testLog();
    const redis = await startRedis();
    await redis.kill();
    const config = configuration({ REDIS_URL: `unix:${redis.url}` });
    const server = await serve(config, journal.log);
    const ledger = await openLedger(config);
    const [model, dataset] = [modelSample({ tenant: 'default' }), datasetSample({ tenant: 'default' })];
    // Ids of the right form, for the validator.
    Object.assign(model, { id: 'mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G' });
    Object.assign(dataset, { id: 'dst_01JZ3V9X0N8Q4Y7B2C5D6E8F9G' });
    await ledger.insertModel(model);
    await ledger.insertDataset(dataset);
    const answer = await fetch(new URL('/v1/jobs', server.address), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(trainRequest({ modelId: model.id, datasetId: dataset.id })),
    });
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    await journal.said('Jobs wait in the ledger: the queue takes none');

    await redis.start();
    const own = openPatientRedis(redis.url, journal.log);
    const record = { id: 'w', queues: ['cpu' as const], device: 'cpu' as const, tensorflow: '2', threads: 1, pid: 1, host: 'h' };
    const registration = registerWorker(own, { ...record, started_at: new Date().toISOString() }, journal.log);
    await expect.poll(() => own.lrange(`${QUEUE_PREFIX}:cpu:wait`, 0, -1), { timeout: 10_000 }).toEqual([`${id}-1`]);
    await registration.stop();
    own.disconnect();
    await server.close();
    await ledger.close();
    await redis.destroy();
  }, 20_000);

  it('finishes what it is answering when it closes', async () => {
    const server = await serve(configuration(), testLog().log);
    const upload = request(new URL('/v1/models', server.address), {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    const answered = once(upload, 'response');
    upload.write('--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx');
    // The request is there once another one, sent after it, is answered.
    await fetch(new URL('/healthz', server.address));
    const closing = server.close();
    upload.end('y\r\n--b--\r\n');
    const [answer] = await answered;
    expect(answer.statusCode).toBe(422);
    expect(JSON.parse(await text(answer)).code).toBe('UNSUPPORTED_FORMAT');
    await closing;
  });
});

describe('the server process', () => {
  const SIZE = 200 * 2 ** 20;
  const GROWTH = 64 * 2 ** 20;

  it('grows by at most 64 MiB while it takes 200 MiB', async () => {
    const main = join(import.meta.dirname, '../../../src/main.ts');
    const env = { PATH: process.env.PATH, HOME: folder, ...environment() };
    const child: ChildProcess = spawn(process.execPath, [...PART_NODE_OPTIONS, main, 'serve'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    let address = '';
    for await (const line of createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })) {
      address = JSON.parse(line).address ?? '';
      if (address !== '') break;
    }
    child.stdout?.resume();
    const memory = async (field: string) => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
    };
    await fetch(new URL('/v1/models', address));
    const before = await memory('VmRSS');

    const head = Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n');
    const tail = Buffer.from('\r\n--b--\r\n');
    const upload = request(new URL('/v1/models', address), {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': head.length + SIZE + tail.length },
    });
    const answered = once(upload, 'response');
    upload.write(head);
    const chunk = Buffer.alloc(2 ** 18, 'x');
    for (let sent = 0; sent < SIZE; sent += chunk.length) if (!upload.write(chunk)) await once(upload, 'drain');
    upload.end(tail);
    const [answer] = await answered;
    expect(JSON.parse(await text(answer)).code).toBe('UNSUPPORTED_FORMAT');
    // The most the process ever had, starting up included.
    expect((await memory('VmHWM')) - before).toBeLessThan(GROWTH);
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  }, 60_000);
});
