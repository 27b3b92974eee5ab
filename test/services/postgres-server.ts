/** A PostgreSQL server of the tests' own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readdirSync } from 'node:fs';
import { appendFile, chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

export interface TestPostgres {
  /** Where its Unix socket lies. */
  socketFolder: string;
  port: number;
  /** The authority that signed its certificate, for `127.0.0.1` and `localhost`. */
  certificate: string;
}

/** The URL of a database over the server's Unix socket. */
export function urlOf({ socketFolder, port }: TestPostgres, database: string): string {
  return `postgres:///${database}?user=postgres&host=${encodeURIComponent(socketFolder)}&port=${port}`;
}

/** Runs one statement as the superuser. */
export async function administer(server: TestPostgres, statement: string): Promise<void> {
  const client = new Client({ connectionString: urlOf(server, 'postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A second address to listen at, and from where it may be asked without a password. */
export interface Nearby {
  address: string;
  /** CIDR. */
  network: string;
}

/** Makes a server in `folder`, without fsync and with every connection of this machine trusted, and starts it. */
export async function startPostgres(folder: string, nearby: Nearby | null = null): Promise<{ pid: number; facts: TestPostgres }> {
  const bin = programs();
  const data = join(folder, 'data');
  await mkdir(data);
  const port = await freePort();
  const certificate = join(folder, 'server.crt');
  const key = join(folder, 'server.key');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', certificate]);
  await chmod(key, 0o600);
  const as = await owner();
  // The folders above are this user's alone; Postgres refuses to run as root and goes through them as somebody else.
  await chmod(dirname(folder), 0o711);
  await chmod(folder, 0o711);
  if (as) for (const path of [data, key]) await chown(path, as.uid, as.gid);
  const initdb = spawn(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '-N'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    cwd: folder,
    ...as,
  });
  const [code] = await once(initdb, 'exit');
  if (code !== 0) throw new Error(`initdb ended with ${code}`);
  const settings = {
    listen_addresses: nearby ? `127.0.0.1,${nearby.address}` : '127.0.0.1',
    port,
    unix_socket_directories: data,
    fsync: 'off',
    full_page_writes: 'off',
    max_connections: 200,
    shared_buffers: '32MB',
    ssl: 'on',
    ssl_cert_file: certificate,
    ssl_key_file: key,
    autovacuum: 'off',
  };
  await writeFile(
    join(data, 'postgresql.auto.conf'),
    Object.entries(settings)
      .map(([name, value]) => `${name} = '${value}'\n`)
      .join(''),
  );
  if (nearby) await appendFile(join(data, 'pg_hba.conf'), `host all all ${nearby.network} trust\n`);
  const facts = { socketFolder: data, port, certificate };
  const server = await runPostgres(folder, facts);
  return { pid: server.pid!, facts };
}

/** Runs the server of `folder`, which was made before; resolves when it answers. */
export async function runPostgres(folder: string, facts: TestPostgres): Promise<ChildProcess> {
  const log = join(folder, 'log');
  const server = spawn(join(programs(), 'postgres'), ['-D', join(folder, 'data')], {
    stdio: ['ignore', 'ignore', openSync(log, 'a')],
    cwd: folder,
    detached: true,
    ...(await owner()),
  });
  server.unref();
  while (!(await answers(facts))) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}:\n${await readFile(log, 'utf8')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return server;
}

async function answers(server: TestPostgres): Promise<boolean> {
  return administer(server, 'select 1').then(
    () => true,
    () => false,
  );
}

/** Debian keeps them beside the path, a folder a version. */
function programs(): string {
  const versions = '/usr/lib/postgresql';
  const newest = existsSync(versions) ? readdirSync(versions).sort((one, other) => Number(other) - Number(one)) : [];
  const folder = [...newest.map((version) => join(versions, version, 'bin')), ...(process.env.PATH ?? '').split(':')].find((path) =>
    existsSync(join(path, 'initdb')),
  );
  if (folder === undefined) throw new Error('PostgreSQL is not installed: run scripts/setup.sh test');
  return folder;
}

/** Whom the server runs as: nobody else than this user, except that root is not let. */
async function owner(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ids = await Promise.all(['-u', '-g'].map((what) => run('id', [what, 'postgres'])));
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  return { uid, gid };
}
