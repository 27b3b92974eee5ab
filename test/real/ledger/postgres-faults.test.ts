import { Kysely, sql } from 'kysely';
import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { postgresFinding } from '../../../src/doctor/postgres.ts';
import { Unavailable } from '../../../src/errors.ts';
import { openLedger } from '../../../src/ledger/open.ts';
import type { PostgresPlace } from '../../../src/ledger/place.ts';
import { postgresDialect } from '../../../src/ledger/postgres.ts';
import { openWorld } from '../../ledger/fixture.ts';
import { postgresFactory, postgresPlace } from '../../ledger/postgres-factory.ts';
import { claimOf, endingOf, releaseOlder } from '../../ledger/samples.ts';
import { freePort } from '../../services/free-port.ts';
import { breakConnections, dropDatabase, newDatabase, testPostgres } from '../../services/postgres.ts';

it('a server that is not there is said to be away', async () => {
  const ledger = await openLedger({ database: postgresPlace(`postgres://nobody@127.0.0.1:${await freePort()}/none`) });
  await expect(ledger.check()).rejects.toThrow(Unavailable);
  await expect(ledger.migrate()).rejects.toThrow(Unavailable);
  await ledger.close();
});

it('connections that break are replaced, and a statement that waits too long is ended', async () => {
  let url = '';
  const world = await openWorld({
    ...postgresFactory,
    create: async () => (url = await newDatabase()),
    open: (name, now) => openLedger({ database: postgresPlace(name, { statementTimeoutMs: 1_500 }) }, { now }),
  });
  onTestFinished(() => world.close());
  const { id } = await world.queueJob();
  const holder = new Client({ connectionString: url });
  holder.on('error', () => {});
  await holder.connect();
  await holder.query('begin');
  await holder.query('select * from jobs for update');
  await expect(world.ledger.claimJob(claimOf(id, 1))).rejects.toThrow(Unavailable);
  // The holder's connection breaks with all others: its lock goes.
  await breakConnections(url);
  const claimed = async (): ReturnType<typeof world.ledger.claimJob> =>
    world.ledger.claimJob(claimOf(id, 1)).catch((error) => {
      if (!(error instanceof Unavailable)) throw error;
      return claimed();
    });
  expect((await claimed())?.status).toBe('running');
}, 60_000);

it('a connection that breaks between two statements of a transaction costs the transaction, and not the process', async () => {
  const url = await newDatabase();
  const database = new Kysely({ dialect: postgresDialect(postgresPlace(url)) });
  onTestFinished(async () => {
    await database.destroy();
    await dropDatabase(url);
  });
  const two = database.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
    await breakConnections(url);
    // Another has asked since: what the server said before has been heard.
    await expect
      .poll(async () => (await sql`select 1 from pg_stat_activity where pid = ${rows[0]!.pid}`.execute(database)).rows)
      .toEqual([]);
    await sql`select 1`.execute(transaction);
  });
  await expect(two).rejects.toThrow(/Connection terminated|not queryable/);
  expect((await sql`select 1 as one`.execute(database)).rows).toEqual([{ one: 1 }]);
}, 60_000);

it('silent attempts are released while they end: each job has the one or the other', async () => {
  const world = await openWorld(postgresFactory);
  onTestFinished(() => world.close());
  const jobs = await Promise.all(Array.from({ length: 6 }, () => world.queueJob()));
  for (const { id } of jobs) await world.ledger.claimJob(claimOf(id, 1));
  world.clock.now += 10_000;
  const [released, ...endings] = await Promise.all([
    releaseOlder(world.other, world.clock.now),
    ...jobs.map(({ id }) => world.ledger.endJob(endingOf(id, 1))),
  ]);
  for (const [index, { id }] of jobs.entries()) expect(endings[index]).toBe(!(released as string[]).includes(id));
}, 60_000);

it('TLS is as strict as the URL says', async () => {
  const url = await newDatabase();
  onTestFinished(() => dropDatabase(url));
  const { port, certificate } = await testPostgres();
  const place = (mode: string, host = '127.0.0.1') =>
    readConfig({ DATABASE_URL: `postgres://postgres@${host}:${port}${new URL(url).pathname}?${mode}` }).database as PostgresPlace;
  expect(await postgresFinding(place('sslmode=disable'))).toMatch(/PostgreSQL \d+.* no TLS/);
  expect(await postgresFinding(place('sslmode=require'))).toMatch(/, TLS,/);
  expect(await postgresFinding(place(`sslmode=verify-full&sslrootcert=${certificate}`))).toMatch(/, TLS,/);
  await expect(postgresFinding(place('sslmode=verify-full'))).rejects.toThrow(/self-signed/);
}, 60_000);

it.each([
  ['mysql://host/db', /may be sqlite:<path> or postgres:/],
  ['postgres://user:pa/ss@host/db', /no URL/],
  ['postgres://user:secret@host/db?sslmode=prefer', /sslmode may be disable, require, verify-ca, verify-full. Received: prefer/],
  ['postgres://user:secret@host/db?sslmode=verify-ca', /needs sslrootcert/],
])('DATABASE_URL %s is refused without telling its password', (url, complaint) => {
  expect(() => readConfig({ DATABASE_URL: url })).toThrow(complaint);
  expect(() => readConfig({ DATABASE_URL: url })).not.toThrow(/secret/);
});
