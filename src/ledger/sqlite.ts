/** SQLite through Node's own binding, as a dialect of Kysely. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
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
    this.#sides = { reader: new Statements(reader), writer: new Statements(writer), written: Promise.resolve() };
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
    // Where it fails Kysely rolls back.
    await (connection as NodeSqliteConnection).end('commit');
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as NodeSqliteConnection).end('rollback');
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
  writer: Statements;
  /** Settled when all who have asked to write so far are done. */
  written: Promise<void>;
}

/** A connection as Kysely sees it: what it does in a transaction, and what writes outside one, goes to the one that writes. */
class NodeSqliteConnection implements DatabaseConnection {
  readonly #sides: Sides;
  /** Ends the transaction that is under way. */
  #over: (() => void) | null = null;

  constructor(sides: Sides) {
    this.#sides = sides;
  }

  async begin(): Promise<void> {
    const over = await this.#turn();
    try {
      // A transaction that reads first and writes later fails when another wrote in between; one that takes the write lock at once cannot.
      await this.#sides.writer.run('begin immediate', []);
      this.#over = over;
    } catch (error) {
      over();
      throw error;
    }
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    let done = false;
    try {
      await this.#sides.writer.run(how, []);
      done = true;
    } finally {
      if (done || how === 'rollback') {
        this.#over?.();
        this.#over = null;
      }
    }
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const values = parameters as SQLInputValue[];
    if (this.#over) return this.#sides.writer.run(sql, values);
    if (isRead(sql)) return this.#sides.reader.run(sql, values);
    const over = await this.#turn();
    try {
      return await (isLease(sql) ? this.#unsynced(sql, values) : this.#sides.writer.run(sql, values));
    } finally {
      over();
    }
  }

  /** Without waiting for the disk, which holds up everything else that this process does. The next commit that waits for it has this one on disk as well. */
  async #unsynced<Row>(sql: string, values: SQLInputValue[]): Promise<QueryResult<Row>> {
    const { writer } = this.#sides;
    await writer.run('pragma synchronous = normal', []);
    try {
      return await writer.run(sql, values);
    } finally {
      await writer.run('pragma synchronous = full', []);
    }
  }

  /** Resolves when it is this one's turn to write, with what ends it. */
  async #turn(): Promise<() => void> {
    const before = this.#sides.written;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sides.written = promise;
    await before;
    return resolve;
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

interface Prepared {
  statement: StatementSync;
  /** It has rows to give. */
  answers: boolean;
}

/** The queries of the ledger are some two hundred, in few variants each. */
const MOST_STATEMENTS = 500;

/** A database's own connection, with what was prepared on it. */
class Statements {
  /** How many have been run. */
  runs = 0;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  run<Row>(sql: string, values: SQLInputValue[]): Promise<QueryResult<Row>> {
    return whileBusy(() => {
      this.runs++;
      const { statement, answers } = this.#prepared(sql);
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
    return { statement, answers: statement.columns().length > 0 };
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
