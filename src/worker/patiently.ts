import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Problem } from '../errors.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
export const PATIENCE_MS = 60_000;

/** A Problem is an answer, not a fault, but that of a full storage, which may have room soon: what a job worked for is not thrown away at once. */
export const isFinal = (error: unknown): boolean => error instanceof Problem && error.code !== 'STORAGE_FULL';

/** For what can be done without: no room is an answer as well. */
export const isProblem = (error: unknown): boolean => error instanceof Problem;

/**
 * Does `action`, again and again with growing pauses while it throws, for `forMs` at the longest; then throws what it threw last. For a ledger that is
 * busy or away for a moment, and a disk that is full. What `isAnswer` says is one is thrown at once.
 */
export async function patiently<Value>(
  log: Logger,
  what: string,
  action: () => Promise<Value>,
  forMs = PATIENCE_MS,
  isAnswer: (error: unknown) => boolean = isFinal,
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
