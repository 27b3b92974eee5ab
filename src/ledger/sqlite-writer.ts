import type { SQLInputValue } from 'node:sqlite';
import type { QueryResult } from 'kysely';
import type { Statements } from './sqlite-statements.ts';

/** Transactions that share a commit, at most: other processes have their turn behind it. */
const MOST_TOGETHER = 32;

/**
 * The connection that writes. Its transactions go one behind the other, in the order in which they were asked for. Those that wait when one is done go into the
 * same transaction of SQLite, each a savepoint, so that one wait for the disk serves all of them: a group commit. Each is all or nothing on its own, and nobody
 * is told that one is over, or what it has seen, before the commit.
 */
export class Writer {
  readonly #statements: Statements;
  /** Settled when all who have asked to write so far have had their turn. */
  #last: Promise<void> = Promise.resolve();
  /** How many wait for their turn. */
  #waiting = 0;
  /** Ends the turn of the one who has it. */
  #pass: () => void = () => undefined;
  /** Those that are done but for the commit. */
  #done: PromiseWithResolvers<void>[] = [];

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** How many statements have been run. */
  get runs(): number {
    return this.#statements.runs;
  }

  /** Begins a transaction when it is its turn; `commit` or `rollback` ends it. */
  async begin(): Promise<void> {
    await this.#turn();
    try {
      await this.#enter();
    } catch (error) {
      await this.#leave(error);
      throw error;
    }
  }

  /** A statement of the transaction that has begun. */
  run<Row>(sql: string, values: SQLInputValue[]): Promise<QueryResult<Row>> {
    return this.#statements.run(sql, values);
  }

  /** Resolves when the transaction is on disk; where it rejects nothing is left of it. */
  async commit(): Promise<void> {
    try {
      await this.#statements.run('release one');
    } catch (error) {
      await this.rollback(error);
      throw error;
    }
    await this.#over();
  }

  /** `why` is what those are told whose transactions SQLite has rolled back with this one, as it does where the disk is full. */
  async rollback(why: unknown): Promise<void> {
    try {
      if (this.#statements.isTransaction) {
        await this.#statements.run('rollback to one');
        await this.#statements.run('release one');
      }
    } catch {
      await this.#rollbackAll();
    }
    await this.#over(why).catch(() => undefined);
  }

  /**
   * A transaction of one statement. One that is `unsynced` does not wait for the disk, which holds up everything else that this process does: the next commit
   * that waits for it has this one on disk as well.
   */
  async single<Row>(sql: string, values: SQLInputValue[], { unsynced }: { unsynced: boolean }): Promise<QueryResult<Row>> {
    await this.#turn();
    if (!this.#statements.isTransaction && this.#waiting === 0) {
      try {
        return await (unsynced ? this.#unsynced(sql, values) : this.#statements.run(sql, values));
      } finally {
        this.#pass();
      }
    }
    let result: QueryResult<Row>;
    try {
      await this.#enter();
      result = await this.#statements.run(sql, values);
    } catch (error) {
      await this.rollback(error);
      throw error;
    }
    await this.commit();
    return result;
  }

  async #unsynced<Row>(sql: string, values: SQLInputValue[]): Promise<QueryResult<Row>> {
    await this.#statements.run('pragma synchronous = normal');
    try {
      return await this.#statements.run(sql, values);
    } finally {
      await this.#statements.run('pragma synchronous = full');
    }
  }

  async #turn(): Promise<void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    this.#waiting += 1;
    await before;
    this.#waiting -= 1;
    this.#pass = resolve;
  }

  async #enter(): Promise<void> {
    // A transaction that reads first and writes later fails when another wrote in between; one that takes the write lock at once cannot.
    if (!this.#statements.isTransaction) await this.#statements.run('begin immediate');
    await this.#statements.run('savepoint one');
  }

  /** Ends the turn, and resolves with the commit. */
  async #over(why?: unknown): Promise<void> {
    const committed = Promise.withResolvers<void>();
    this.#done.push(committed);
    await Promise.all([committed.promise, this.#leave(why)]);
  }

  /** Lets the next one into the transaction, or commits it where nobody waits. */
  async #leave(why: unknown): Promise<void> {
    const { isTransaction } = this.#statements;
    if (isTransaction && this.#waiting > 0 && this.#done.length < MOST_TOGETHER) return this.#pass();
    const done = this.#done.splice(0);
    try {
      if (!isTransaction) throw why ?? new Error('SQLite has rolled the transaction back');
      await this.#statements.run('commit');
      for (const one of done) one.resolve();
    } catch (error) {
      await this.#rollbackAll();
      for (const one of done) one.reject(error);
    } finally {
      this.#pass();
    }
  }

  async #rollbackAll(): Promise<void> {
    if (this.#statements.isTransaction) await this.#statements.run('rollback').catch(() => undefined);
  }
}
