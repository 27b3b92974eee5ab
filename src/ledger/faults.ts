/** What can go wrong with Postgres that the ledger is not to blame for. */
import { setTimeout } from 'node:timers/promises';
import { Unavailable } from '../errors.ts';
import type { Ledger } from './ledger.ts';
import { KeyTaken } from './queries/idempotency.ts';

/**
 * By SQLSTATE: two transactions that wait for each other, and one that another made impossible. Nothing of the one that is told so remains, and done again
 * it finds what the other left.
 */
const CONFLICTS = new Set(['40001', '40P01']);
/** By SQLSTATE: the server stops or starts, has no connection left, ended this one, or has no room. */
const AWAY = /^(08...|53...|57P0[1-5]|57014|25P03|25006)$/;
/** By what Node says of sockets and names. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);
/** node-postgres has no code for these. */
const BROKEN =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout)/;

const LONGEST_RETRY_MS = 5_000;

interface Fault {
  code?: string;
  message?: string;
}

/** Whether the same transaction, done again, may pass. */
export function isConflict(error: unknown): boolean {
  return error instanceof KeyTaken || CONFLICTS.has((error as Fault).code ?? '');
}

/** Whether the server could not be reached, or ended a connection or a statement for reasons of its own. */
export function isAway(error: unknown): boolean {
  const { code = '', message = '' } = error as Fault;
  return AWAY.test(code) || UNREACHABLE.has(code) || BROKEN.test(message);
}

/**
 * The ledger whose methods are done again, for up to 5 s, where their transaction came into conflict with another, and reject with Unavailable where the
 * server is away. A method is one transaction, or several that can each be done twice, so that nothing is done in part.
 */
export function withRetries(ledger: Ledger): Ledger {
  const wrapped = Object.entries(ledger).map(([name, method]) => [
    name,
    (...values: unknown[]) => persistently(() => (method as (...values: unknown[]) => Promise<unknown>)(...values)),
  ]);
  return { ...(Object.fromEntries(wrapped) as Ledger), by: (actor) => withRetries(ledger.by(actor)), version: ledger.version };
}

async function persistently<Value>(action: () => Promise<Value>): Promise<Value> {
  const until = performance.now() + LONGEST_RETRY_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (isAway(error)) throw new Unavailable('The ledger does not answer', error);
      if (!isConflict(error) || performance.now() > until) throw error;
      // Uneven, so that two that met do not meet again and again.
      await setTimeout(1 + Math.random() * 20);
    }
  }
}
