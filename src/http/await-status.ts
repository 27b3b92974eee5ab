import { setTimeout } from 'node:timers/promises';
import { type JobRow, TERMINAL } from '../ledger/ledger.ts';

const LOOK_EVERY_MS = 200;

/**
 * The job once its status is another than `row` has, or as it is after `seconds`, or once nobody waits any more. Looks at the ledger, since whoever
 * changes the job may be a process on another machine.
 */
export async function awaitStatus(row: JobRow, load: () => Promise<JobRow>, seconds: number, gone: AbortSignal): Promise<JobRow> {
  const until = performance.now() + seconds * 1_000;
  let current = row;
  while (current.status === row.status && !TERMINAL.includes(current.status)) {
    const left = until - performance.now();
    if (left <= 0 || gone.aborted) break;
    await setTimeout(Math.min(left, LOOK_EVERY_MS), undefined, { signal: gone }).catch(() => undefined);
    current = await load();
  }
  return current;
}
