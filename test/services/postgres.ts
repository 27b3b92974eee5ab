import { administer, startPostgres, type TestPostgres, urlOf } from './postgres-server.ts';
import { shared } from './shared.ts';

let made = 0;

/** The PostgreSQL of all tests: without fsync, on a Unix socket and a free port with TLS, every connection trusted. */
export function testPostgres(): Promise<TestPostgres> {
  return shared('postgres', (folder) => startPostgres(folder));
}

/** A new empty database; its URL over the Unix socket. */
export async function newDatabase(): Promise<string> {
  const server = await testPostgres();
  const name = `test_${process.pid}_${made++}`;
  await administer(server, `create database ${name}`);
  return urlOf(server, name);
}

export async function dropDatabase(url: string): Promise<void> {
  await administer(await testPostgres(), `drop database ${new URL(url).pathname.slice(1)} with (force)`);
}

/** Ends every connection to the database, as a server that stops does. */
export async function breakConnections(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await administer(await testPostgres(), `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
}
