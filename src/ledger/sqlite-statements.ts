import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import type { QueryResult } from 'kysely';

interface Prepared {
  statement: StatementSync;
  /** It has rows to give. */
  answers: boolean;
}

/** The queries of the ledger are some two hundred, in few variants each. */
const MOST_STATEMENTS = 500;

/** A database's own connection, with what was prepared on it. */
export class Statements {
  /** How many have been run. */
  runs = 0;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Whether a transaction is under way. SQLite ends some by itself, such as one that the disk has no room for. */
  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  run<Row>(sql: string, values: SQLInputValue[] = []): Promise<QueryResult<Row>> {
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
export async function whileBusy<Result>(action: () => Result): Promise<Result> {
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
