/** SQLite through Node's own binding, as a dialect of Kysely. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
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
  return openSqlite(path).dialect;
}

/** The same, and what says whether anything has changed: null until the file is open. */
export function openSqlite(path: string): { dialect: Dialect; version: () => string | null } {
  const driver = new NodeSqliteDriver(path);
  return { dialect: dialectOf(driver), version: () => driver.version() };
}

function dialectOf(driver: Driver): Dialect {
  return {
    createDriver: () => driver,
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
  #others: StatementSync | null = null;

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
    this.#others = database.prepare('pragma data_version');
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

  /**
   * SQLite counts what others committed, and the connection its own writes: together they are another text after every change. A transaction that is under
   * way makes another of it too, so that nobody takes what it has not committed for the truth.
   */
  version(): string | null {
    if (!this.#others || !this.#connection) return null;
    try {
      return `${this.#others.get()?.data_version} ${this.#connection.writes}`;
    } catch {
      // Locked, while the file is being recovered.
      return null;
    }
  }

  async destroy(): Promise<void> {
    this.#others = null;
    this.#database?.close();
    this.#database = null;
  }
}

interface Prepared {
  statement: StatementSync;
  /** It has rows to give. */
  answers: boolean;
  /** It may change something. */
  writes: boolean;
}

/** What changes nothing; what opens with a common table may do so after it all the same. */
const READS = /^(select|with|begin|commit|rollback)\b/i;
const WRITES = /\b(insert into|update|delete from)\b/i;

/** The queries of the ledger are some two hundred, in few variants each. */
const MOST_STATEMENTS = 500;

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  /** Statements so far that may have changed something. */
  writes = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const values = parameters as SQLInputValue[];
    return whileBusy(() => {
      const { statement, answers, writes } = this.#prepared(sql);
      if (writes) this.writes += 1;
      if (answers) return { rows: statement.all(...values) as Row[] };
      const { changes } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes) };
    });
  }

  /** Preparing takes several times as long as most queries: what was prepared is kept, the least recently used dropped. */
  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known) this.#statements.delete(sql);
    const prepared = known ?? this.#prepare(sql);
    this.#statements.set(sql, prepared);
    if (this.#statements.size > MOST_STATEMENTS) this.#statements.delete(this.#statements.keys().next().value as string);
    return prepared;
  }

  #prepare(sql: string): Prepared {
    const statement = this.#database.prepare(sql);
    return { statement, answers: statement.columns().length > 0, writes: !READS.test(sql) || WRITES.test(sql) };
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
