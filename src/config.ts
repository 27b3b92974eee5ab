/** The schema of the environment. Read once, by `main.ts`; every other file gets what it needs as an argument. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import type { S3Place } from './blobs/s3-place.ts';
import { clusterAddress } from './jobs/redis-cluster.ts';
import type { LedgerPlace } from './ledger/place.ts';
import type { Retention } from './ledger/retention.ts';
import { SAMPLERS, type TracingSettings } from './tracing/tracing.ts';

export interface Config {
  host: string;
  port: number;
  /** Absolute. */
  dataFolder: string;
  database: LedgerPlace;
  /** `redis://`, `rediss://`, `redis+cluster://`, `rediss+cluster://`, or the path of a Unix socket. */
  redisUrl: string;
  /** What a `rediss://` is believed by, and what this process shows it, in PEM; null: the system's authorities, and nothing. */
  redisTls: RedisTls | null;
  /** Whether `espalier up` starts a redis-server of its own. */
  embeddedRedis: boolean;
  /** Where blobs lie; where they are in S3, what is on its way there and copies of what engines read. */
  blobsFolder: string;
  /** Null where blobs are files. */
  s3: S3Place | null;
  apiKeysFile: string | null;
  maxUploadBytes: number;
  /** Of an upload in several requests. */
  maxResumableBytes: number;
  /** How long such an upload is kept after its last bytes came. */
  uploadsKeptMs: number;
  /** How long models, data sets and jobs are kept. */
  retention: Retention;
  /** Bytes that a tenant may store; null: as many as it likes. */
  tenantQuotaBytes: number | null;
  device: 'auto' | 'cpu' | 'gpu';
  /** TensorFlow threads of an engine; null leaves it to the number of cores, and to the size of a job's steps. */
  threads: number | null;
  checkpointIntervalSeconds: number;
  /** An attempt whose heartbeat is older than this is taken from its worker. */
  heartbeatTimeoutSeconds: number;
  /** A Python that has Keras, in which exports are verified as well; null where there is none. */
  kerasPython: string | null;
  /** An engine that reports no step for this long is ended. */
  progressTimeoutSeconds: number;
  tenantRunningLimit: number;
  /** Where a worker's metrics are to be had; null: nowhere. */
  workerMetrics: { host: string; port: number } | null;
  /** Requests a key, and all keys of a tenant together, may make; null: as many as they like. */
  requestsPerMinute: { key: number | null; tenant: number | null };
  /** Whether admins may look at the queues, at /admin/queues. */
  board: boolean;
  /** Null: nothing is traced. */
  tracing: TracingSettings | null;
  /** Seal what the ledger holds of secrets, 32 bytes each: the first seals, all open. Null: one is kept in the data folder. */
  secretsKeys: Buffer[] | null;
  /** CIDRs beyond the public Internet that webhooks may go to. */
  webhookNetworks: string[];
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

/** As Node's `tls.connect` takes them. */
export interface RedisTls {
  ca?: string;
  cert?: string;
  key?: string;
}

export interface Variable {
  name: string;
  default: string;
  meaning: string;
  /** Its value is shown to nobody. */
  secret?: true;
}

/** Every variable that is read, for `espalier doctor` and the README. */
export const VARIABLES: readonly Variable[] = [
  {
    name: 'HOST',
    default: '127.0.0.1',
    meaning: 'Address to listen on; anything but loopback needs a key, in the ledger or in ESPALIER_API_KEYS_FILE',
  },
  { name: 'PORT', default: '8080', meaning: 'Port to listen on; 0 picks a free one. The address is written to <data>/address' },
  { name: 'ESPALIER_DATA', default: './data', meaning: 'Folder of the ledger, the blobs and the embedded Redis' },
  { name: 'DATABASE_URL', default: 'sqlite:<data>/ledger.db', meaning: 'The ledger: sqlite:<path>, or postgres://… (docs/deployment.md)' },
  { name: 'ESPALIER_DATABASE_CONNECTIONS', default: '10', meaning: 'Connections to Postgres that one process may have' },
  { name: 'ESPALIER_DATABASE_TIMEOUT_S', default: '30', meaning: 'Time after which Postgres ends a statement' },
  {
    name: 'REDIS_URL',
    default: 'unix:<data>/redis/redis.sock',
    meaning:
      'Redis: redis://, rediss:// (TLS), redis+cluster:// or rediss+cluster:// with some nodes, or unix:<path>; unset, `espalier up` runs a redis-server of its own',
  },
  {
    name: 'ESPALIER_REDIS_CA',
    default: '',
    meaning: "File of the authority's certificate by which a rediss:// is believed; empty: the system's authorities",
  },
  { name: 'ESPALIER_REDIS_CERT', default: '', meaning: "File of the client's certificate, where Redis asks for one" },
  { name: 'ESPALIER_REDIS_KEY', default: '', meaning: 'File of its key' },
  {
    name: 'ESPALIER_BLOBS',
    default: 'file:<data>/blobs',
    meaning: 'Where uploaded and produced bytes lie: file:<folder>, or s3://bucket/prefix (docs/deployment.md)',
  },
  { name: 'ESPALIER_S3_ENDPOINT', default: '', meaning: "The store's address where it is not Amazon's; the bucket is then in the path" },
  {
    name: 'ESPALIER_S3_PATH_STYLE',
    default: '',
    meaning: 'true or false: the bucket in the path; empty means true with ESPALIER_S3_ENDPOINT',
  },
  { name: 'ESPALIER_S3_DOWNLOADS', default: 'through', meaning: 'through the server, or by a redirect into the store: redirect' },
  { name: 'ESPALIER_S3_PUBLIC_ENDPOINT', default: '', meaning: "The store's address as callers reach it, for redirects" },
  { name: 'ESPALIER_S3_CACHE_BYTES', default: '21474836480', meaning: 'Copies of stored bytes that stay on this machine' },
  { name: 'AWS_REGION', default: 'us-east-1', meaning: "The bucket's region; credentials are found as by every AWS program" },
  {
    name: 'ESPALIER_API_KEYS_FILE',
    default: '',
    meaning: 'File of hashed API keys beside those of the ledger; see `espalier key` and `espalier keys`',
  },
  { name: 'ESPALIER_MAX_UPLOAD_BYTES', default: '268435456', meaning: 'Largest upload in one request, all parts together' },
  { name: 'ESPALIER_MAX_RESUMABLE_BYTES', default: '17179869184', meaning: 'Largest file of a resumable upload (docs/uploads.md)' },
  { name: 'ESPALIER_KEEP_UPLOADS_HOURS', default: '24', meaning: 'Hours without new bytes after which a resumable upload expires' },
  { name: 'ESPALIER_KEEP_MODELS_DAYS', default: '', meaning: 'Days after which a model expires; empty means never' },
  { name: 'ESPALIER_KEEP_DATASETS_DAYS', default: '', meaning: 'Days after which a data set expires; empty means never' },
  {
    name: 'ESPALIER_KEEP_JOBS_DAYS',
    default: '',
    meaning: 'Days after its end at which a job expires, with its series and artifacts; empty means never',
  },
  { name: 'ESPALIER_KEEP_AUDIT_DAYS', default: '', meaning: 'Days after which a row of the audit trail is deleted; empty means never' },
  {
    name: 'ESPALIER_TENANT_QUOTA_BYTES',
    default: '',
    meaning: 'Bytes that a tenant may store; empty: as many as it likes (docs/limits.md)',
  },
  { name: 'ESPALIER_DEVICE', default: 'auto', meaning: 'auto, cpu or gpu: what this worker computes on' },
  {
    name: 'ESPALIER_THREADS',
    default: '',
    meaning: "TensorFlow threads of an engine; empty means the machine's cores, and one for jobs of small steps",
  },
  { name: 'ESPALIER_CHECKPOINT_INTERVAL_S', default: '15', meaning: 'Seconds between checkpoints of a running job' },
  { name: 'ESPALIER_HEARTBEAT_TIMEOUT_S', default: '15', meaning: 'Silence after which a job is taken from its worker' },
  { name: 'ESPALIER_PROGRESS_TIMEOUT_S', default: '900', meaning: 'Time without a step after which an engine is ended' },
  {
    name: 'ESPALIER_KERAS_PYTHON',
    default: '',
    meaning: 'A Python that has Keras 3: every model that a job made is then verified in stock Keras as well',
  },
  { name: 'ESPALIER_TENANT_RUNNING_LIMIT', default: '16', meaning: 'Jobs of one tenant that may run at once' },
  {
    name: 'ESPALIER_WORKER_METRICS',
    default: '',
    meaning: 'Address, such as 127.0.0.1:9464, at which a worker answers GET /metrics, without a key (docs/metrics.md); empty: none',
  },
  {
    name: 'ESPALIER_KEY_REQUESTS_PER_MINUTE',
    default: '6000',
    meaning: 'Requests that one key may make; 0: as many as it likes (docs/limits.md)',
  },
  { name: 'ESPALIER_TENANT_REQUESTS_PER_MINUTE', default: '30000', meaning: 'The same for all keys of a tenant together' },
  {
    name: 'ESPALIER_SECRETS_KEY',
    default: '',
    meaning:
      '32 bytes in base64, which seal the secrets of webhooks in the ledger; several with commas: the first seals, all open. Empty: <data>/secrets.key, made with mode 0600',
    secret: true,
  },
  {
    name: 'ESPALIER_WEBHOOK_NETWORKS',
    default: '',
    meaning: 'Networks besides the public Internet that webhooks may go to, also by plain http, such as 10.0.0.0/8,fd00::/8',
  },
  { name: 'ESPALIER_BOARD', default: 'off', meaning: 'on: admins may look at the queues, at /admin/queues (docs/access.md)' },
  {
    name: 'OTEL_TRACES_EXPORTER',
    default: '',
    meaning: 'otlp or none; empty: otlp where an endpoint is set (docs/tracing.md)',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    default: '',
    meaning: 'Collector of traces, such as http://127.0.0.1:4318; with OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and the other standard variables',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    default: '',
    meaning: 'What the collector is sent with every request, such as a key',
    secret: true,
  },
  { name: 'OTEL_TRACES_SAMPLER', default: 'parentbased_always_on', meaning: `${SAMPLERS.join(', ')}` },
  { name: 'OTEL_TRACES_SAMPLER_ARG', default: '1', meaning: 'The fraction of traces that samplers with a ratio record' },
  { name: 'LOG_LEVEL', default: 'info', meaning: 'trace, debug, info, warn, error, fatal or silent' },
];

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const DAY_MS = 24 * 3_600_000;
const DEVICES = ['auto', 'cpu', 'gpu'] as const;

/** The configuration an environment describes. Throws an Error that names the variable, what it held, and what it may hold. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  for (const name of Object.keys(environment)) {
    if (name.startsWith('ESPALIER_') && !KNOWN.has(name))
      throw new Error(`${name} is not a variable of Espalier. Known: ${[...KNOWN].join(', ')}`);
  }
  const text = (name: string): string => {
    const value = environment[name]?.trim();
    return value ? value : (VARIABLES.find((variable) => variable.name === name)?.default ?? '');
  };
  const number = (name: string, minimum: number, maximum: number, whole = true): number => {
    const value = Number(text(name));
    if (!Number.isFinite(value) || value < minimum || value > maximum || (whole && !Number.isInteger(value))) {
      throw new Error(`${name} is '${text(name)}'; it may be a ${whole ? 'whole ' : ''}number from ${minimum} to ${maximum}`);
    }
    return value;
  };
  /** In milliseconds; null where it is empty. */
  const days = (name: string) => (text(name) === '' ? null : Math.round(number(name, 1e-6, 36_500, false) * DAY_MS));
  const oneOf = <Value extends string>(name: string, values: readonly Value[]): Value => {
    const value = values.find((candidate) => candidate === text(name));
    if (value === undefined) throw new Error(`${name} is '${text(name)}'; it may be ${values.map((value) => value || 'empty').join(', ')}`);
    return value;
  };
  const dataFolder = resolve(text('ESPALIER_DATA'));
  const inData = (value: string) => value.replace('<data>', dataFolder);

  const ledgerPlace = (): LedgerPlace => {
    const url = inData(text('DATABASE_URL'));
    if (url.startsWith('sqlite:')) return { kind: 'sqlite', path: resolve(url.slice('sqlite:'.length)) };
    return {
      kind: 'postgres',
      url: postgresUrl(url),
      poolSize: number('ESPALIER_DATABASE_CONNECTIONS', 2, 1000),
      statementTimeoutMs: 1000 * number('ESPALIER_DATABASE_TIMEOUT_S', 1, 3600),
    };
  };
  const blobs = inData(text('ESPALIER_BLOBS'));
  const address = (name: string): string | null => {
    const value = text(name);
    if (value === '') return null;
    if (!/^https?:$/.test(URL.parse(value)?.protocol ?? ''))
      throw new Error(`${name} is '${redacted(value)}'; it may be http:// or https://`);
    return value;
  };
  const s3Place = (): S3Place | null => {
    if (blobs.startsWith('file:')) return null;
    const [, bucket, prefix = ''] =
      /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/((?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/?)*))?$/.exec(blobs) ?? [];
    if (bucket === undefined) throw new Error(`ESPALIER_BLOBS is '${redacted(blobs)}'; it may be file:<folder> or s3://bucket/prefix`);
    const endpoint = address('ESPALIER_S3_ENDPOINT');
    return {
      bucket,
      prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
      endpoint,
      region: text('AWS_REGION'),
      pathStyle: text('ESPALIER_S3_PATH_STYLE') === '' ? endpoint !== null : oneOf('ESPALIER_S3_PATH_STYLE', ['true', 'false']) === 'true',
      presigned: oneOf('ESPALIER_S3_DOWNLOADS', ['through', 'redirect']) === 'redirect',
      publicEndpoint: address('ESPALIER_S3_PUBLIC_ENDPOINT'),
      cacheBytes: number('ESPALIER_S3_CACHE_BYTES', 0, 2 ** 50),
    };
  };
  const redis = inData(text('REDIS_URL'));
  if (!/^(rediss?:\/\/|unix:)/.test(redis) && !clusterAddress(redis)) {
    const accepted = 'redis://, rediss://, unix:<path>, or redis+cluster:// and rediss+cluster:// with host:port,host:port of some nodes';
    throw new Error(`REDIS_URL is '${redacted(redis)}'; it may be ${accepted}`);
  }

  const redisTls = (): RedisTls | null => {
    const names = { ca: 'ESPALIER_REDIS_CA', cert: 'ESPALIER_REDIS_CERT', key: 'ESPALIER_REDIS_KEY' } as const;
    const given = Object.entries(names).filter(([, name]) => text(name) !== '');
    const [first] = given;
    if (!first) return null;
    if (!redis.startsWith('rediss')) throw new Error(`${first[1]} is for a Redis with TLS; REDIS_URL is '${redacted(redis)}'`);
    if ((text(names.cert) === '') !== (text(names.key) === ''))
      throw new Error(`${names.cert} and ${names.key} come together, or not at all`);
    return Object.fromEntries(given.map(([part, name]) => [part, pem(name, text(name))]));
  };
  const secretsKeys = list(text('ESPALIER_SECRETS_KEY')).map((key) => Buffer.from(key, 'base64'));
  if (secretsKeys.some(({ length }) => length !== 32)) {
    throw new Error('ESPALIER_SECRETS_KEY is to be 32 bytes in base64 (openssl rand -base64 32), or several with commas');
  }
  const webhookNetworks = list(text('ESPALIER_WEBHOOK_NETWORKS'));
  for (const network of webhookNetworks) {
    const [address = '', length, ...rest] = network.split('/');
    const bits = isIP(address) === 6 ? 128 : 32;
    if (isIP(address) === 0 || rest.length > 0 || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= bits))) {
      throw new Error(`ESPALIER_WEBHOOK_NETWORKS has '${network}'; it may have networks such as 10.0.0.0/8 and fd00::/8, with commas`);
    }
  }

  const tracing = (): TracingSettings | null => {
    const exporter = oneOf('OTEL_TRACES_EXPORTER', ['', 'otlp', 'none']);
    const endpoint = text('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') || text('OTEL_EXPORTER_OTLP_ENDPOINT');
    if (text('OTEL_SDK_DISABLED').toLowerCase() === 'true' || exporter === 'none' || (exporter === '' && endpoint === '')) return null;
    for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) oneOf(name, ['', 'http/json']);
    return { sampler: oneOf('OTEL_TRACES_SAMPLER', SAMPLERS), ratio: number('OTEL_TRACES_SAMPLER_ARG', 0, 1, false) };
  };

  return {
    host: text('HOST'),
    port: number('PORT', 0, 65_535),
    dataFolder,
    database: ledgerPlace(),
    redisUrl: redis.startsWith('unix:') ? resolve(redis.slice('unix:'.length)) : redis,
    redisTls: redisTls(),
    embeddedRedis: !environment.REDIS_URL?.trim(),
    blobsFolder: blobs.startsWith('file:') ? resolve(blobs.slice('file:'.length)) : join(dataFolder, 'blobs'),
    s3: s3Place(),
    apiKeysFile: text('ESPALIER_API_KEYS_FILE') ? resolve(text('ESPALIER_API_KEYS_FILE')) : null,
    maxUploadBytes: number('ESPALIER_MAX_UPLOAD_BYTES', 1, 2 ** 50),
    maxResumableBytes: number('ESPALIER_MAX_RESUMABLE_BYTES', 1, 2 ** 50),
    uploadsKeptMs: Math.round(number('ESPALIER_KEEP_UPLOADS_HOURS', 1e-3, 8_760, false) * 3_600_000),
    retention: {
      models: days('ESPALIER_KEEP_MODELS_DAYS'),
      datasets: days('ESPALIER_KEEP_DATASETS_DAYS'),
      jobs: days('ESPALIER_KEEP_JOBS_DAYS'),
      audit: days('ESPALIER_KEEP_AUDIT_DAYS'),
    },
    tenantQuotaBytes: text('ESPALIER_TENANT_QUOTA_BYTES') === '' ? null : number('ESPALIER_TENANT_QUOTA_BYTES', 1, 2 ** 53 - 1),
    device: oneOf('ESPALIER_DEVICE', DEVICES),
    threads: text('ESPALIER_THREADS') === '' ? null : number('ESPALIER_THREADS', 1, 1024),
    checkpointIntervalSeconds: number('ESPALIER_CHECKPOINT_INTERVAL_S', 0, 86_400, false),
    heartbeatTimeoutSeconds: number('ESPALIER_HEARTBEAT_TIMEOUT_S', 3, 86_400),
    progressTimeoutSeconds: number('ESPALIER_PROGRESS_TIMEOUT_S', 5, 30 * 86_400),
    kerasPython: text('ESPALIER_KERAS_PYTHON') ? resolve(text('ESPALIER_KERAS_PYTHON')) : null,
    tenantRunningLimit: number('ESPALIER_TENANT_RUNNING_LIMIT', 1, 10_000),
    workerMetrics: text('ESPALIER_WORKER_METRICS') === '' ? null : hostAndPort('ESPALIER_WORKER_METRICS', text('ESPALIER_WORKER_METRICS')),
    requestsPerMinute: {
      key: number('ESPALIER_KEY_REQUESTS_PER_MINUTE', 0, 1e9) || null,
      tenant: number('ESPALIER_TENANT_REQUESTS_PER_MINUTE', 0, 1e9) || null,
    },
    secretsKeys: secretsKeys.length > 0 ? secretsKeys : null,
    webhookNetworks,
    board: oneOf('ESPALIER_BOARD', ['off', 'on']) === 'on',
    tracing: tracing(),
    logLevel: oneOf('LOG_LEVEL', LOG_LEVELS),
  };
}

function pem(name: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`${name} is '${path}', which cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (!text.includes('-----BEGIN ')) throw new Error(`${name} is '${path}', which is not in PEM`);
  return text;
}

/** Also a variable that the set-up script reads. */
const KNOWN = new Set([
  ...VARIABLES.map((variable) => variable.name).filter((name) => name.startsWith('ESPALIER_')),
  'ESPALIER_TENSORFLOW',
]);

function list(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function hostAndPort(name: string, value: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(value) ?? [];
  if (host === '' || Number(port) > 65_535)
    throw new Error(`${name} is '${value}'; it may be an address and a port: 127.0.0.1:9464, [::]:9464`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

const TLS_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];

/** The URL with TLS modes that mean what they mean to libpq: node-postgres takes some of them for stricter ones. */
function postgresUrl(text: string): string {
  const named = `DATABASE_URL is '${redacted(text)}'`;
  if (!/^postgres(ql)?:\/\//.test(text))
    throw new Error(`${named}; it may be sqlite:<path> or postgres://user:password@host:5432/database`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error(`${named}, which is no URL: letters of a password that mean something in one are written as %40 for @, %2F for /`);
  }
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !TLS_MODES.includes(mode)) throw new Error(`${named}; sslmode may be ${TLS_MODES.join(', ')}. Received: ${mode}`);
  if (mode === 'verify-ca' && !url.searchParams.has('sslrootcert'))
    throw new Error(`${named}; sslmode=verify-ca needs sslrootcert=<path of the authority's certificate>`);
  url.searchParams.set('uselibpqcompat', 'true');
  return url.href;
}

/** A URL without what it has of credentials. */
export function redacted(url: string): string {
  return url.replace(/\/\/.*@/, '//***@').replace(/\bpassword=[^&]*/g, 'password=***');
}
