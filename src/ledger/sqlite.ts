/** SQLite through Node's own binding, as a dialect of Kysely. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { Statements, whileBusy } from './sqlite-statements.ts';
import { Writer } from './sqlite-writer.ts';

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
    createAdapter: () => new ManyConnectionsAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

class ManyConnectionsAdapter extends SqliteAdapter {
  /** True of SQLite; with it the migrations run in one transaction, which is also their lock. */
  override get supportsTransactionalDdl() {
    return true;
  }

  override get supportsMultipleConnections() {
    return true;
  }
}

/**
 * One connection that writes and one that reads, since in WAL nobody who reads waits for anybody who writes: with one alone, whoever reads would wait for a
 * transaction of this process that waits for another's. Those that write wait for each other in their order. No statement is ever half done when another
 * begins, so that one connection serves all who read.
 */
class NodeSqliteDriver implements Driver {
  readonly #path: string;
  readonly #databases: DatabaseSync[] = [];
  #sides: Sides | null = null;
  #commits: StatementSync | null = null;
  /** What `version` has found in this turn of the event loop, and how much this process had written by then. */
  #found: { version: string | null; written: number } | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async init(): Promise<void> {
    const [reader, writer] = [await this.#open(), await this.#open()];
    this.#sides = { reader: new Statements(reader), writer: new Writer(new Statements(writer)) };
    this.#commits = (await this.#open()).prepare('pragma data_version');
    // Asked with every poll: an array is made in half the time of an object.
    this.#commits.setReturnArrays(true);
  }

  async #open(): Promise<DatabaseSync> {
    // SQLite's own waiting would block this process' event loop, and with it a second connection of the process that holds the lock.
    const database = new DatabaseSync(this.#path, { timeout: 0, enableForeignKeyConstraints: true });
    this.#databases.push(database);
    await whileBusy(() => database.exec('pragma journal_mode = wal'));
    database.exec('pragma synchronous = full');
    return database;
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new NodeSqliteConnection(this.#sides as Sides);
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as NodeSqliteConnection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as NodeSqliteConnection).commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as NodeSqliteConnection).rollback();
  }

  /**
   * SQLite tells a connection that never writes how often others have: another text after every commit, by whomever. It is asked once in a turn of the event
   * loop, and again behind what this process writes: a request that is answered later in the turn had come when the turn began.
   */
  version(): string | null {
    const written = this.#sides?.writer.runs ?? 0;
    if (this.#found?.written === written) return this.#found.version;
    if (!this.#found)
      setImmediate(() => {
        this.#found = null;
      });
    this.#found = { version: this.#askVersion(), written };
    return this.#found.version;
  }

  #askVersion(): string | null {
    try {
      return this.#commits ? `${(this.#commits.get() as unknown as [number])[0]}` : null;
    } catch {
      // Locked, while the file is being recovered.
      return null;
    }
  }

  async destroy(): Promise<void> {
    this.#commits = null;
    for (const database of this.#databases.splice(0)) database.close();
  }
}

/** What all connections that Kysely is given share. */
interface Sides {
  reader: Statements;
  writer: Writer;
}

/** A connection as Kysely sees it: what it does in a transaction, and what writes outside one, goes to the one that writes. */
class NodeSqliteConnection implements DatabaseConnection {
  readonly #sides: Sides;
  #inTransaction = false;
  /** Why its last statement failed. */
  #failure: unknown;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  async begin(): Promise<void> {
    await this.#sides.writer.begin();
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    this.#inTransaction = false;
    await this.#sides.writer.commit();
  }

  /** Kysely also rolls back what could not be committed, of which nothing is left. */
  async rollback(): Promise<void> {
    if (!this.#inTransaction) return;
    this.#inTransaction = false;
    await this.#sides.writer.rollback(this.#failure);
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const values = parameters as SQLInputValue[];
    const { reader, writer } = this.#sides;
    if (!this.#inTransaction) return isRead(sql) ? reader.run(sql, values) : writer.single(sql, values, { unsynced: isLease(sql) });
    try {
      return await writer.run(sql, values);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  // biome-ignore lint/correctness/useYield: the interface wants a generator, and the ledger reads pages.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('The ledger does not stream rows');
  }
}

/** Whether a statement changes nothing, as far as its first word tells; what opens with a common table may write after it. */
function isRead(sql: string): boolean {
  return /^select\b/i.test(sql) || (/^with\b/i.test(sql) && !/\b(insert into|update|delete from)\b/i.test(sql));
}

/** Whether a statement, outside a transaction, takes a lease: whose it was need not outlive a power cut, which ends all processes that open the file. */
function isLease(sql: string): boolean {
  return sql.startsWith('insert into "leases"');
}
