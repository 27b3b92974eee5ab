import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { buildApp } from '../../src/http/app.ts';
import type { AppDeps } from '../../src/http/deps.ts';
import type { KeyFile } from '../../src/http/key-file.ts';
import { openImpatientRedis, type RedisConnection } from '../../src/jobs/redis.ts';
import { networksOf } from '../../src/jobs/webhooks/networks.ts';
import { secretBox } from '../../src/jobs/webhooks/secret-box.ts';
import { webhookSecrets } from '../../src/jobs/webhooks/secrets.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { openMetrics } from '../../src/metrics/registry.ts';
import { tellOfService } from '../../src/metrics/server-metrics.ts';
import { NO_TRACING } from '../../src/tracing/tracing.ts';
import { buildDataset, convertModel, inspectModel, measureSavings, packModel } from '../../src/upload/inspect.ts';
import { type TestLog, testLog } from '../jobs/log.ts';
import { expectDocumented } from './conformance.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind.
  body: any;
  text: string;
}

export interface TestServer {
  app: FastifyInstance;
  ledger: Ledger;
  blobs: Blobs;
  redis: RedisConnection;
  journal: TestLog;
  address: string;
  port: number;
  /** How often the dispatcher was nudged. */
  nudges: () => number;
  /** Files and folders on their way in. */
  incoming(): Promise<string[]>;
  /** Fails where the answer is not as the OpenAPI document has it. */
  call(method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Answer>;
  close(): Promise<void>;
}

/** The application over a ledger and blobs of its own, on a socket of its own. Redis is away unless one is given. */
export async function startServer(
  options: {
    redisUrl?: string;
    keys?: KeyFile;
    limits?: Partial<AppDeps['limits']>;
    tenantQuotaBytes?: number;
    deps?: Partial<AppDeps>;
  } = {},
): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-http-'));
  const journal = testLog();
  const ledger = await openLedger({
    database: { kind: 'sqlite', path: join(folder, 'ledger.db') },
    tenantQuotaBytes: options.tenantQuotaBytes ?? null,
  });
  await ledger.migrate();
  const blobsFolder = join(folder, 'blobs');
  const blobs = await openBlobs({ blobsFolder });
  const redis = openImpatientRedis(options.redisUrl ?? join(folder, 'no-redis.sock'), journal.log);
  const metrics = openMetrics('server');
  tellOfService(metrics, { ledger, redis });
  let nudges = 0;
  const app = await buildApp({
    ledger,
    blobs,
    redis,
    log: journal.log,
    metrics,
    tracing: NO_TRACING,
    board: false,
    keys: options.keys ?? null,
    nudge: () => {
      nudges += 1;
    },
    webhooks: { secrets: webhookSecrets(ledger, async () => secretBox([Buffer.alloc(32, 7)])), networks: networksOf([]), nudge: () => {} },
    inspectModel,
    buildDataset,
    convertModel,
    measureSavings,
    packModel,
    limits: {
      maxUploadBytes: 10 * 2 ** 20,
      uploadsAtOnce: 8,
      followersAtOnce: 8,
      tenantRunningLimit: 4,
      maxResumableBytes: 20 * 2 ** 20,
      uploadsKeptMs: 60_000,
      requestsPerMinute: { key: null, tenant: null },
      ...options.limits,
    },
    ...options.deps,
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    app,
    ledger,
    blobs,
    redis,
    journal,
    address,
    port: Number(new URL(address).port),
    nudges: () => nudges,
    incoming: () => readdir(join(blobsFolder, '.incoming')),

    async call(method, path, { body, headers = {} } = {}) {
      const isForm = body instanceof FormData;
      const answer = await fetch(new URL(path, address), {
        method,
        headers: { ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson = /json/.test(answer.headers.get('content-type') ?? '');
      const parsed = isJson && text !== '' ? JSON.parse(text) : text;
      const got = { status: answer.status, headers: answer.headers, text, body: parsed };
      expectDocumented(method, path, got);
      return got;
    },

    async close() {
      await app.close();
      redis.disconnect();
      await ledger.close();
      await rm(folder, { recursive: true });
    },
  };
}
