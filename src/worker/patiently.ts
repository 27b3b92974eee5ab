import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Problem } from '../errors.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Does `action`, again and again with growing pauses while it throws, for `forMs` at the longest; then throws what it threw last. For a ledger that is
 * busy or away for a moment. A Problem is an answer, not a fault, and is thrown at once, unless `isAnswer` says otherwise.
 */
export async function patiently<Value>(
  log: Logger,
  what: string,
  action: () => Promise<Value>,
  forMs = 60_000,
  isAnswer = (error: unknown): boolean => error instanceof Problem,
): Promise<Value> {
  const begun = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await action();
    } catch (error) {
      if (isAnswer(error) || performance.now() - begun + pauseMs > forMs) throw error;
      log.warn({ err: error, what, pause_ms: pauseMs }, 'Trying again after a fault');
    }
    await pause(pauseMs);
  }
}
