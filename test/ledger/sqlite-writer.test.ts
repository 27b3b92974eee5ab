import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { Statements } from '../../src/ledger/sqlite-statements.ts';
import { Writer } from '../../src/ledger/sqlite-writer.ts';

async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-writer-'));
  const [written, read] = [new DatabaseSync(join(folder, 'ledger.db')), new DatabaseSync(join(folder, 'ledger.db'))];
  onTestFinished(async () => {
    for (const database of [written, read]) database.close();
    await rm(folder, { recursive: true });
  });
  written.exec(
    'pragma journal_mode = wal; create table parts (name text primary key, of text references parts deferrable initially deferred)',
  );
  const commits: string[][] = [];
  const statements = new Statements(written);
  const run = statements.run.bind(statements);
  const names = () =>
    read
      .prepare('select name from parts order by rowid')
      .all()
      .map(({ name }) => name as string);
  statements.run = async (sql, values) => {
    const result = await run<never>(sql, values);
    if (sql === 'commit') commits.push(names());
    return result;
  };
  const writer = new Writer(statements);
  const insert = (name: string, of: string | null = null) => writer.run('insert into parts values (?, ?)', [name, of]);
  const transaction = async (name: string, of: string | null = null) => {
    await writer.begin();
    try {
      await insert(name, of);
    } catch (error) {
      await writer.rollback(error);
      throw error;
    }
    await writer.commit();
    expect(names()).toContain(name);
  };
  return { written, writer, insert, transaction, names, commits };
}

it('transactions that wait for each other share a commit, in their order, and one that comes alone has its own', async () => {
  const { transaction, commits } = await open();
  await Promise.all(['a', 'b', 'c', 'd'].map((name) => transaction(name)));
  await transaction('e');
  expect(commits).toEqual([
    ['a', 'b', 'c', 'd'],
    ['a', 'b', 'c', 'd', 'e'],
  ]);
});

it('no more than 32 share one', async () => {
  const { transaction, commits } = await open();
  await Promise.all(Array.from({ length: 100 }, (_, index) => transaction(`${index}`)));
  expect(commits.map(({ length }) => length)).toEqual([32, 64, 96, 100]);
});

it('nothing is left of one that is rolled back, nor of one whose statement fails, and all of the others', async () => {
  const { writer, insert, transaction, names, commits } = await open();
  const undone = async () => {
    await writer.begin();
    await insert('undone');
    await writer.rollback(null);
    // What it has seen of others is on disk by now.
    expect(names()).toContain('a');
  };
  const twice = transaction('a');
  const results = await Promise.allSettled([twice, transaction('a'), undone(), transaction('b')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(commits).toEqual([['a', 'b']]);
});

it('single statements join those that wait', async () => {
  const { writer, transaction, names, commits } = await open();
  const single = (name: string, unsynced = false) => writer.single('insert into parts values (?, null)', [name], { unsynced });
  await single('alone');
  await single('unsynced', true);
  expect(commits).toEqual([]);
  await Promise.allSettled([transaction('a'), single('b'), single('b'), single('c', true)]);
  expect(commits).toEqual([['alone', 'unsynced', 'a', 'b', 'c']]);
  expect(names()).toHaveLength(5);
});

it('where the commit fails, or SQLite rolls everything back, all are told, nothing is left of any, and the next goes on', async () => {
  const { written, transaction, names } = await open();
  const unfit = await Promise.allSettled([transaction('a'), transaction('b', 'nobody'), transaction('c')]);
  expect(unfit).toEqual(
    Array.from({ length: 3 }, () => ({
      status: 'rejected',
      reason: expect.objectContaining({ message: 'FOREIGN KEY constraint failed' }),
    })),
  );
  expect(names()).toEqual([]);
  written.exec('pragma max_page_count = 4');
  const long = 'x'.repeat(100_000);
  const full = await Promise.allSettled([transaction('a'), transaction(long), transaction('c')]);
  expect(full.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  expect(full[0]).toEqual({ status: 'rejected', reason: expect.objectContaining({ message: 'database or disk is full' }) });
  expect(names()).toEqual(['c']);
});
