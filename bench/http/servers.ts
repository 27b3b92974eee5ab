/** The two servers that are held against each other, each a process of its own over the same Redis, and what both are asked with. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readConfig } from '../../src/config.ts';
import { hashSecret, newSecret } from '../../src/http/keys.ts';
import { newId } from '../../src/jobs/ids.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { startRedis } from '../../test/jobs/redis-server.ts';

const MOST_UPLOADED = 2 ** 34;

export interface Servers {
  ours: string;
  bare: string;
  /** With a key of role admin. */
  headers: Record<string, string>;
  folder: string;
  redisUrl: string;
  /** Of `espalier serve`. */
  pid: number;
  barePid: number;
  /** Uploads the example's network and data; a request for a job of both. */
  request(): Promise<Record<string, unknown>>;
  /** What Espalier answers to a request of JSON. Throws where that is no success. */
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Starts `espalier work`. */
  startWorker(): void;
  stop(): Promise<void>;
}

export async function startServers(): Promise<Servers> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-bench-http-'));
  const redis = await startRedis();
  const environment = {
    PATH: process.env.PATH,
    HOME: folder,
    ...(process.env.NODE_OPTIONS ? { NODE_OPTIONS: process.env.NODE_OPTIONS } : {}),
    PORT: '0',
    ESPALIER_DATA: join(folder, 'data'),
    REDIS_URL: `unix:${redis.url}`,
    ESPALIER_DEVICE: 'cpu',
    ESPALIER_MAX_UPLOAD_BYTES: `${MOST_UPLOADED}`,
    ESPALIER_KEY_REQUESTS_PER_MINUTE: '0',
    ESPALIER_TENANT_REQUESTS_PER_MINUTE: '0',
  };
  const secret = await insertKey(environment);
  const headers = { authorization: `Bearer ${secret}` };
  const children: ChildProcess[] = [];
  const serve = spawn('bin/espalier', ['serve'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(serve);
  const lines = createInterface({ input: serve.stdout });
  const ours = await new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const { msg, address } = JSON.parse(line);
      if (msg === 'Server listens') resolve(address);
    });
  });
  // Who asks has better to do than to read what the server writes down.
  lines.close();
  serve.stdout.resume();

  const call: Servers['call'] = async (method, path, body) => {
    const isForm = body instanceof FormData;
    const answer = await fetch(new URL(path, ours), {
      method,
      headers: { ...headers, ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  const request = async () => {
    const form = async (file: string) => {
      const made = new FormData();
      made.append('file', new Blob([new Uint8Array(await readFile(`examples/seed/${file}`))]), file);
      return made;
    };
    const model = await call('POST', '/v1/models', await form('seed.keras'));
    const dataset = await call('POST', '/v1/datasets', await form('data.npz'));
    return { type: 'train', model_id: model.id, dataset_id: dataset.id, training: { epochs: 2 } };
  };

  const document = join(folder, 'document.json');
  await writeFile(document, JSON.stringify(await call('POST', '/v1/jobs', await request())));
  const peer = fork(new URL('./bare-server.ts', import.meta.url), [], {
    env: { ...process.env, BARE_FOLDER: folder, BARE_REDIS: redis.url, BARE_DOCUMENT: document },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  children.push(peer);
  const [{ address: bare }] = (await once(peer, 'message')) as [{ address: string }];

  return {
    ours,
    bare,
    headers,
    folder,
    redisUrl: redis.url,
    pid: serve.pid!,
    barePid: peer.pid!,
    request,
    call,
    startWorker() {
      children.push(
        spawn('bin/espalier', ['work'], { env: { ...environment, ESPALIER_THREADS: '1' }, stdio: ['ignore', 'ignore', 'inherit'] }),
      );
    },
    async stop() {
      await Promise.all(
        children.map((child) => {
          const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
          child.kill('SIGTERM');
          return gone;
        }),
      );
      await redis.destroy();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function insertKey(environment: Record<string, string | undefined>): Promise<string> {
  const ledger = await openLedger(readConfig(environment));
  await ledger.migrate();
  const secret = newSecret();
  const row = { id: newId('key'), hash: hashSecret(secret).toString('hex'), tenant: 'bench', role: 'admin' as const, name: 'bench' };
  await ledger.insertKey({ ...row, created_at: Date.now(), created_by: 'cli', last_used_at: null, expires_at: null, revoked_at: null }, 1);
  await ledger.close();
  return secret;
}
