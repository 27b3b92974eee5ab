import type { AttemptRow } from '../../ledger/ledger.ts';

/**
 * The last step of each attempt that still counts, infinite where all do. An attempt that went on from a checkpoint makes again what an earlier one had
 * made beyond it, so the earlier attempt's rows end there: at the smallest step that a later attempt went on from, or before the first where one started
 * over. An attempt that was lost before its first step has made nothing again, and cuts nothing.
 */
export function lastSteps(attempts: readonly AttemptRow[]): Map<number, number> {
  const last = new Map<number, number>();
  let cut = Number.POSITIVE_INFINITY;
  for (const { n, from_step, first_step_at } of [...attempts].reverse()) {
    last.set(n, cut);
    if (first_step_at !== null) cut = Math.min(cut, from_step ?? -1);
  }
  return last;
}
