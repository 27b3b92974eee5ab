/** A later version's migration while services of this version work on the same ledger. */
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { expect, it } from 'vitest';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { MIGRATIONS, migrate, migratePostgres } from '../../../src/ledger/migrations/index.ts';
import { postgresDialect } from '../../../src/ledger/postgres.ts';
import { sqliteDialect } from '../../../src/ledger/sqlite.ts';
import { openWorld } from '../../ledger/fixture.ts';
import { postgresFactory, postgresPlace } from '../../ledger/postgres-factory.ts';
import { claimOf, endingOf } from '../../ledger/samples.ts';
import { sqliteFactory } from '../../ledger/sqlite-factory.ts';

const later: Record<string, Migration> = {
  ...MIGRATIONS,
  '998-later': {
    async up(db) {
      await db.schema
        .alterTable('jobs')
        .addColumn('note', 'text', (column) => column.notNull().defaultTo(''))
        .execute();
      await db.schema.createIndex('jobs_by_note').on('jobs').column('note').execute();
    },
  },
  '999-later-still': { up: async (db) => void (await sql`update jobs set note = 'kept'`.execute(db)) },
};

const DATABASES = {
  SQLite: {
    factory: sqliteFactory,
    async migrateLater(folder: string) {
      const db = new Kysely<unknown>({ dialect: sqliteDialect(join(folder, 'ledger.db')) });
      await migrate(db, later);
      await db.destroy();
    },
    dialect: (folder: string) => sqliteDialect(join(folder, 'ledger.db')),
  },
  Postgres: {
    factory: postgresFactory,
    migrateLater: (url: string) => migratePostgres(postgresPlace(url), later),
    dialect: (url: string) => postgresDialect(postgresPlace(url)),
  },
};

/** Jobs that are ended before and after the migration, at least. */
const ENOUGH = 25;

it.each(Object.entries(DATABASES))(
  'on %s loses no job and has none twice, and this version starts again on what the later one made',
  async (_, database) => {
    let name = '';
    const world = await openWorld({ ...database.factory, create: async () => (name = await database.factory.create()) });
    const posted: string[] = [];
    const ended: string[] = [];
    let stop = false;
    const post = async () => {
      while (!stop) {
        posted.push((await world.queueJob()).id);
        // As many wait as there are hands: the queue is not to be what takes the time.
        while (!stop && posted.length - ended.length > 8) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const work = async (ledger: Ledger) => {
      for (;;) {
        // SQLite answers without ever letting a timer run.
        await new Promise((resolve) => setTimeout(resolve, 1));
        const queued = await ledger.listQueued(8);
        if (queued.length === 0 && stop) return;
        for (const { id } of queued) {
          if (!(await ledger.claimJob(claimOf(id, 1)))) continue;
          expect(await ledger.heartbeat(id, 1, { progress: { step: 1 }, engine_ms: 1 })).toBe('running');
          expect(await ledger.endJob(endingOf(id, 1))).toBe(true);
          ended.push(id);
        }
      }
    };
    const until = async (count: number) => {
      while (!stop && ended.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const load = async () => {
      await until(ENOUGH);
      const before = ended.length;
      await database.migrateLater(name);
      await until(before + ENOUGH);
      stop = true;
    };
    const all = [post(), work(world.ledger), work(world.other), load()].map((one) => one.finally(() => (stop = true)));
    await Promise.all(all);

    expect([...ended].sort()).toEqual([...posted].sort());
    expect(await world.ledger.counts()).toMatchObject({ queued: 0, running: 0, succeeded: posted.length });
    await world.ledger.migrate();
    const again = await database.factory.open(name, Date.now);
    await again.migrate();
    await again.check();
    await again.close();
    const db = new Kysely<{ jobs: { note: string } }>({ dialect: database.dialect(name) });
    const notes = await db.selectFrom('jobs').select('note').distinct().execute();
    expect(notes.map(({ note }) => note).sort()).toEqual(['', 'kept']);
    await db.destroy();
    await world.close();
  },
  60_000,
);
