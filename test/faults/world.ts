/**
 * A whole service of its own for the test of faults: Redis, a ledger, blobs, a server, two workers of which one lives behind a cable of its own, over which
 * it reaches Redis, Postgres and S3. Where there is no Postgres all share a folder, as on one machine.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePort } from '../services/free-port.ts';
import { administer, runPostgres, startPostgres } from '../services/postgres-server.ts';
import { BUCKET, S3_CREDENTIALS, startGateway } from '../services/s3-server.ts';
import { keepPart, type Line, type Part } from './parts.ts';
import { type S3Proxy, startS3Proxy } from './s3-proxy.ts';

export type Stores = 'local' | 'remote';
/** `scripted`: test/worker/scripted-engine.ts, which counts in a chain of hashes and starts in a moment. */
export type Engine = 'tensorflow' | 'scripted';

export interface World {
  stores: Stores;
  address: string;
  /** Of the service, on a disk of its own with room for `DISK_MIB`; whether that is so depends on who runs this. */
  data: string;
  smallDisk: boolean;
  blobs: string;
  environment: Record<string, string>;
  redis: { url: string; child(): ChildProcess; client: Redis };
  postgres: { restart(): Promise<void> } | null;
  s3: S3Proxy | null;
  server: Part;
  workers: Part[];
  /** Cuts the second worker off the network, or joins it; null where this needs rights that are not there. */
  cut: ((off: boolean) => void) | null;
  lines: (Line & { part: string })[];
  stop(): Promise<void>;
  /** After `stop`: deletes all of it. */
  remove(): void;
}

const DISK_MIB = 768;
/** Of the cables between this machine and the namespaces of all runs. */
const NETWORKS = '10.77.0.0/16';
const ROOT = resolve(import.meta.dirname, '../..');

export async function startWorld(stores: Stores, engine: Engine, chance: () => number, log: string): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-faults-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  const smallDisk = succeeds('mount', '-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'espalier-faults', data);
  const network = addNetwork();
  const host = network?.host ?? '127.0.0.1';

  let stopping = false;
  const redisPort = await freePort();
  let redisChild: ChildProcess;
  const startRedis = () => {
    // Appends what it does to a file, so that one that was killed knows what it knew, and losing it all is a fault of its own.
    const settings = ['--port', `${redisPort}`, '--bind', '127.0.0.1', ...(network ? [host] : []), '--protected-mode', 'no'];
    const kept = ['--dir', folder, '--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
    redisChild = spawn('redis-server', [...settings, ...kept], { stdio: 'ignore' });
    redisChild.once('exit', () => {
      if (!stopping) setTimeout(startRedis, 100);
    });
  };
  startRedis();
  const client = new Redis(`redis://127.0.0.1:${redisPort}`, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await client.ping();

  const ends: (() => void)[] = [];
  let postgres: World['postgres'] = null;
  let s3: S3Proxy | null = null;
  const environment: Record<string, string> = {
    ESPALIER_DATA: data,
    // Servers and workers start often here.
    NODE_COMPILE_CACHE: join(ROOT, 'out/faults/compiled'),
    REDIS_URL: `redis://${host}:${redisPort}`,
    ESPALIER_DEVICE: 'cpu',
    ESPALIER_THREADS: '1',
    ESPALIER_KERAS_PYTHON: '',
    ESPALIER_CHECKPOINT_INTERVAL_S: '0.5',
    ESPALIER_HEARTBEAT_TIMEOUT_S: '6',
    ESPALIER_WEBHOOK_NETWORKS: '127.0.0.0/8',
    ESPALIER_TENANT_RUNNING_LIMIT: '4',
  };
  if (stores === 'remote') {
    const servers = { postgres: join(folder, 'postgres'), s3: join(folder, 's3') };
    for (const path of Object.values(servers)) mkdirSync(path);
    let { pid, facts } = await startPostgres(servers.postgres, network && { address: network.host, network: NETWORKS });
    await administer(facts, 'create database espalier');
    environment.DATABASE_URL = `postgres://postgres@${host}:${facts.port}/espalier?sslmode=disable`;
    postgres = {
      async restart() {
        const gone = waitGone(pid);
        process.kill(pid, 'SIGQUIT');
        await gone;
        pid = (await runPostgres(servers.postgres, facts)).pid!;
      },
    };
    ends.push(() => process.kill(pid, 'SIGQUIT'));
    Object.assign(process.env, S3_CREDENTIALS);
    const gateway = await startGateway(servers.s3);
    ends.push(() => process.kill(gateway.pid, 'SIGQUIT'));
    s3 = await startS3Proxy(Number(new URL(gateway.facts.endpoint).port), 0.6, chance);
    ends.push(s3.close);
    Object.assign(environment, S3_CREDENTIALS, {
      ESPALIER_BLOBS: `s3://${BUCKET}/faults`,
      ESPALIER_S3_ENDPOINT: `http://${host}:${s3.port}`,
    });
  }

  const lines: World['lines'] = [];
  const programs = {
    serve: [join(ROOT, 'bin/espalier'), 'serve'],
    work:
      engine === 'tensorflow'
        ? [join(ROOT, 'bin/espalier'), 'work']
        : [process.execPath, '--disable-warning=ExperimentalWarning', join(ROOT, 'test/worker/worker-process.ts')],
  };
  const part = (name: string, command: 'serve' | 'work', namespace: string | null, extra: Record<string, string> = {}) =>
    keepPart({
      name,
      command: programs[command],
      namespace,
      environment: { ...environment, ...extra },
      folder,
      log,
      onLine: (line) => lines.push({ ...line, part: name }),
    });
  const port = await freePort();
  const server = part('server', 'serve', null, { PORT: `${port}` });
  // On machines of their own they share a ledger, a store and Redis, and no folder.
  const alone = (name: string): Record<string, string> => (stores === 'remote' ? { ESPALIER_DATA: join(data, name) } : {});
  const workers = [
    part('worker-1', 'work', null, alone('worker-1')),
    part('worker-2', 'work', network?.namespace ?? null, alone('worker-2')),
  ];
  const blobs = join(data, 'blobs');
  return {
    stores,
    address: `http://127.0.0.1:${port}`,
    data,
    smallDisk,
    blobs,
    environment,
    redis: { url: environment.REDIS_URL!, child: () => redisChild, client },
    postgres,
    s3,
    server,
    workers,
    cut: network && ((off) => void execFileSync('ip', ['link', 'set', network.cable, off ? 'down' : 'up'])),
    lines,
    async stop() {
      stopping = true;
      await Promise.all([server, ...workers].map((one) => one.stop()));
    },
    remove() {
      client.disconnect();
      redisChild.kill('SIGKILL');
      for (const end of ends) end();
      if (network) succeeds('ip', 'netns', 'del', network.namespace);
      if (smallDisk) succeeds('umount', '-l', data);
      setTimeout(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }), 1_000);
    },
  };
}

/** Runs `espalier verify`, which may ask this process for S3; what it printed where it found something. */
export async function verify({ environment }: World): Promise<string | null> {
  try {
    await promisify(execFile)(join(ROOT, 'bin/espalier'), ['verify'], { env: { PATH: process.env.PATH, ...environment } });
    return null;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `${stdout ?? ''}${stderr ?? ''}`;
  }
}

/** A namespace joined to this machine by a cable; null where that is not allowed. */
function addNetwork(): { namespace: string; cable: string; host: string } | null {
  const namespace = `esp-${process.pid}`;
  const cable = `esp${process.pid}`;
  const [host, inside] = [`10.77.${process.pid % 250}.1`, `10.77.${process.pid % 250}.2`];
  const done =
    succeeds('ip', 'netns', 'add', namespace) &&
    succeeds('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace) &&
    succeeds('ip', 'addr', 'add', `${host}/24`, 'dev', cable) &&
    succeeds('ip', 'link', 'set', cable, 'up') &&
    succeeds('ip', '-n', namespace, 'addr', 'add', `${inside}/24`, 'dev', 'eth0') &&
    succeeds('ip', '-n', namespace, 'link', 'set', 'eth0', 'up') &&
    succeeds('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  return done ? { namespace, cable, host } : null;
}

export function succeeds(command: string, ...values: string[]): boolean {
  try {
    execFileSync(command, values, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function waitGone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}
