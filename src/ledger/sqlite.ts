/** SQLite through Node's own binding, as a dialect of Kysely. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

/**
 * A dialect over the file at `path`, which several processes of one machine may open. WAL lets readers go on while one writes; `synchronous = FULL`
 * keeps a committed transaction through a power cut; a writer waits up to 10 s for another's.
 */
export function sqliteDialect(path: string): Dialect {
  return {
    createDriver: () => new NodeSqliteDriver(path),
    createAdapter: () => new TransactionalAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class TransactionalAdapter extends SqliteAdapter {
  /** True of SQLite; with it the migrations run in one transaction, which is also their lock. */
  override get supportsTransactionalDdl() {
    return true;
  }
}

/** One connection; Kysely hands it to one transaction at a time. */
class NodeSqliteDriver implements Driver {
  readonly #path: string;
  #database: DatabaseSync | null = null;
  #connection: NodeSqliteConnection | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async init(): Promise<void> {
    // SQLite's own waiting would block this process' event loop, and with it a second connection of the process that holds the lock.
    const database = new DatabaseSync(this.#path, { timeout: 0, enableForeignKeyConstraints: true });
    this.#database = database;
    await whileBusy(() => database.exec('pragma journal_mode = wal'));
    database.exec('pragma synchronous = full');
    this.#connection = new NodeSqliteConnection(database);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection as NodeSqliteConnection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    // A transaction that reads first and writes later fails when another wrote in between; one that takes the write lock at once cannot.
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#database?.close();
    this.#database = null;
  }
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const values = parameters as SQLInputValue[];
    return whileBusy(() => {
      const statement = this.#database.prepare(sql);
      if (statement.columns().length > 0) return { rows: statement.all(...values) as Row[] };
      const { changes } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes) };
    });
  }

  // biome-ignore lint/correctness/useYield: the interface wants a generator, and the ledger reads pages.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('The ledger does not stream rows');
  }
}

const WAIT_MS = 10_000;
const SQLITE_BUSY = 5;

/** Does the action as soon as no other connection holds the lock it needs; throws the lock's error after 10 s. */
async function whileBusy<Result>(action: () => Result): Promise<Result> {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    try {
      return action();
    } catch (error) {
      const primary = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
      if (primary !== SQLITE_BUSY || Date.now() > until) throw error;
      // Uneven, so that two that wait do not meet again and again.
      await setTimeout(1 + Math.random() * 8);
    }
  }
}
