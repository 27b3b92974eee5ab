import { access, constants, mkdir, mkdtemp, readFile, rm, stat, statfs } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pino from 'pino';
import { folderBlobs } from '../blobs/folder.ts';
import type { Config } from '../config.ts';
import { startEngine } from '../worker/engine-process.ts';
import { engineEnvironment } from '../worker/environment.ts';
import { kerasVersion } from '../worker/keras-verification.ts';
import { cpuFinding } from './cpu.ts';
import { postgresFinding } from './postgres.ts';
import { redisFinding } from './redis.ts';
import { s3Finding } from './s3.ts';
import { secretsFinding } from './secrets.ts';
import { sqliteFinding } from './sqlite.ts';

/** One thing that was looked at. */
export interface Finding {
  name: string;
  ok: boolean;
  /** What was found, or what to do. */
  detail: string;
}

type Environment = Record<string, string | undefined>;
type Check = () => Promise<string>;

const NODE_OLDEST = [22, 18] as const;
const DISK_NEEDED_BYTES = 2 ** 30;
const MIB = 2 ** 20;
const KERAS_LIMIT_MS = 120_000;

/** Tries everything that the service needs on this machine. Never throws: a fault is a finding. */
export async function findings(config: Config, environment: Environment, engineEntry: URL): Promise<Finding[]> {
  const checks: [string, Check][] = [
    ['Node', node],
    ['Processor', cpu],
    ['TensorFlow', () => tensorflow(config, environment, engineEntry)],
    ['Keras', () => keras(config, environment)],
    ['Redis', () => redisFinding(config)],
    ['Data folder', () => writable(config.dataFolder)],
    ['Ledger', () => ledger(config)],
    ['Blobs', () => blobs(config)],
    ['Disk', () => disk(config)],
    ['Secrets', async () => secretsFinding(config)],
    ['API keys', () => keys(config)],
  ];
  return Promise.all(
    checks.map(async ([name, check]) => {
      try {
        return { name, ok: true, detail: await check() };
      } catch (error) {
        return { name, ok: false, detail: (error as Error).message };
      }
    }),
  );
}

async function node(): Promise<string> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor < NODE_OLDEST[1]))
    throw new Error(`${process.versions.node}; ${NODE_OLDEST.join('.')} or newer is needed: run scripts/setup.sh runtime`);
  return process.versions.node;
}

/** In an engine, as a worker would start it: this process stays free of TensorFlow. */
async function tensorflow(config: Config, environment: Environment, entry: URL): Promise<string> {
  const settings = { device: config.device, threads: config.threads ?? availableParallelism() };
  const begun = performance.now();
  const engine = startEngine({
    entry,
    environment: engineEnvironment(environment, settings),
    silenceSeconds: 60,
    log: pino({ level: 'silent' }),
  });
  try {
    const ready = await engine.ready;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    return `${ready.tensorflow} on the ${ready.device} with ${ready.threads} threads, warm in ${seconds} s`;
  } catch (error) {
    throw new Error(`${(error as Error).message}; run scripts/setup.sh runtime, and LOG_LEVEL=debug espalier work says more`);
  } finally {
    engine.end('SIGKILL', 'was only looked at');
    await engine.gone;
  }
}

/** As a worker would start it; without one nothing is missing. */
async function keras({ kerasPython }: Config, environment: Environment): Promise<string> {
  if (kerasPython === null) return 'none (ESPALIER_KERAS_PYTHON): exports are verified by Espalier alone, and results say so';
  const folder = await mkdtemp(join(tmpdir(), 'espalier-doctor-'));
  try {
    const interrupted = AbortSignal.timeout(KERAS_LIMIT_MS);
    const version = await kerasVersion({
      python: kerasPython,
      environment,
      folder,
      threads: 1,
      interrupted,
      log: pino({ level: 'silent' }),
    });
    return `${version} in ${kerasPython}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function ledger({ database }: Config): Promise<string> {
  return database.kind === 'sqlite' ? sqliteFinding(database.path) : postgresFinding(database);
}

async function blobs({ s3, blobsFolder }: Config): Promise<string> {
  if (s3 === null) {
    await mkdir(blobsFolder, { recursive: true });
    await folderBlobs(blobsFolder).check();
    return `${blobsFolder}, can be written`;
  }
  return `${await s3Finding(s3, blobsFolder)}; copies in ${await writable(blobsFolder)}`;
}

async function writable(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await access(folder, constants.W_OK);
  return folder;
}

/** Of every disk that the service writes on. */
async function disk({ dataFolder, blobsFolder, database }: Config): Promise<string> {
  const folders = [dataFolder, blobsFolder, ...(database.kind === 'sqlite' ? [dirname(database.path)] : [])];
  const disks = new Map<number, string>();
  for (const folder of folders) {
    await mkdir(folder, { recursive: true });
    const { dev } = await stat(folder);
    if (!disks.has(dev)) disks.set(dev, folder);
  }
  const found = await Promise.all([...disks.values()].map(async (folder) => ({ folder, free: await freeBytes(folder) })));
  const text = found.map(({ folder, free }) => `${Math.floor(free / MIB)} MiB free for ${folder}`).join(', ');
  if (found.some(({ free }) => free < DISK_NEEDED_BYTES))
    throw new Error(`${text}; ${DISK_NEEDED_BYTES / MIB} MiB are the least to work with`);
  return text;
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

async function cpu(): Promise<string> {
  return cpuFinding(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''), process.arch);
}

async function keys(config: Config): Promise<string> {
  if (config.apiKeysFile === null)
    return `no file; espalier keys makes them in the ledger, and without any the server binds loopback only (HOST is ${config.host})`;
  await readFile(config.apiKeysFile);
  return config.apiKeysFile;
}
