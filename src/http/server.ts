import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { openBlobs } from '../blobs/open.ts';
import type { Config } from '../config.ts';
import { startDispatcher } from '../jobs/dispatcher.ts';
import { openQueues } from '../jobs/queue.ts';
import { openImpatientRedis } from '../jobs/redis.ts';
import { networksOf } from '../jobs/webhooks/networks.ts';
import { secretBox } from '../jobs/webhooks/secret-box.ts';
import { webhookSecrets } from '../jobs/webhooks/secrets.ts';
import { keptSecretsKey } from '../jobs/webhooks/secrets-key.ts';
import { startWebhookSender } from '../jobs/webhooks/sender.ts';
import { openLedger } from '../ledger/open.ts';
import { countedJobs } from '../metrics/counted-jobs.ts';
import { openMetrics } from '../metrics/registry.ts';
import { tellOfService } from '../metrics/server-metrics.ts';
import { timedBlobs, timedLedger } from '../metrics/timed.ts';
import { openTracing } from '../tracing/tracing.ts';
import { buildDataset, convertModel, inspectModel, measureSavings, packModel } from '../upload/inspect.ts';
import { buildApp } from './app.ts';
import { openKeyFile } from './key-file.ts';
import { FOLLOWERS_AT_ONCE, UPLOADS_AT_ONCE } from './limits.ts';
import { isLoopback } from './loopback.ts';

export interface Server {
  /** `http://host:port`, with the port that was picked. */
  address: string;
  /** Takes no more requests, finishes those it has, and lets go of everything. */
  close(): Promise<void>;
}

/** What `serve` runs. */
export async function startServer(config: Config, log: Logger): Promise<Server> {
  const keys = config.apiKeysFile === null ? null : await openKeyFile(config.apiKeysFile, log);
  const metrics = openMetrics('server');
  const tracing = await openTracing(config.tracing, 'server', log);
  const ledger = countedJobs(timedLedger(await openLedger(config), metrics), metrics);
  await ledger.migrate();
  if (config.apiKeysFile === null && !isLoopback(config.host) && !(await ledger.hasKeys(true))) {
    await ledger.close();
    throw new Error(
      `HOST is '${config.host}', which others can reach, and there is no key. Listen on 127.0.0.1, or make one: espalier keys create`,
    );
  }
  const blobs = timedBlobs(await openBlobs(config), metrics);
  const redis = openImpatientRedis(config.redisUrl, log, config.redisTls);
  tellOfService(metrics, { ledger, redis });
  const queues = openQueues(redis);
  const limits = {
    maxUploadBytes: config.maxUploadBytes,
    maxResumableBytes: config.maxResumableBytes,
    uploadsKeptMs: config.uploadsKeptMs,
    uploadsAtOnce: UPLOADS_AT_ONCE,
    followersAtOnce: FOLLOWERS_AT_ONCE,
    tenantRunningLimit: config.tenantRunningLimit,
    requestsPerMinute: config.requestsPerMinute,
    heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds,
  };
  const dispatcher = startDispatcher({ ledger, blobs, redis, queues, log, limits, tracing });
  const secrets = webhookSecrets(ledger, async () =>
    secretBox(config.secretsKeys ?? [await keptSecretsKey(join(config.dataFolder, 'secrets.key'))]),
  );
  const networks = networksOf(config.webhookNetworks);
  const webhookAttempts = metrics.histogram('espalier_webhook_attempt_duration_seconds');
  const sender = startWebhookSender({
    ledger,
    secrets,
    networks,
    log,
    onAttempted: ({ outcome, duration_ms }) => webhookAttempts.observe({ outcome }, duration_ms / 1000),
  });
  const letGo = async () => {
    await sender.close();
    await dispatcher.close();
    await queues.close();
    redis.disconnect();
    await ledger.close();
    await blobs.close();
    await tracing.close();
  };
  try {
    const app = await buildApp({
      ledger,
      blobs,
      redis,
      log,
      metrics,
      tracing,
      board: config.board,
      keys,
      nudge: dispatcher.nudge,
      webhooks: { secrets, networks, nudge: sender.nudge },
      inspectModel,
      buildDataset,
      convertModel,
      measureSavings,
      packModel,
      limits,
    });
    await app.listen({ host: config.host, port: config.port });
    const address = addressOf(app.server.address(), config.host);
    await writeAddress(config.dataFolder, address);
    log.info({ address, keys: config.apiKeysFile !== null || (await ledger.hasKeys(false)) }, 'Server listens');
    return {
      address,
      async close() {
        await app.close();
        await letGo();
        log.info('Server closed');
      },
    };
  } catch (error) {
    await letGo();
    throw error;
  }
}

function addressOf(bound: ReturnType<import('node:net').Server['address']>, host: string): string {
  if (bound === null || typeof bound === 'string') throw new Error(`The server listens on ${bound}, which is no port`);
  return `http://${host.includes(':') ? `[${host.replace(/^\[|\]$/g, '')}]` : host}:${bound.port}`;
}

/** For whoever let a port be picked. */
async function writeAddress(folder: string, address: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'address');
  await writeFile(`${path}.new`, `${address}\n`);
  await rename(`${path}.new`, path);
}
