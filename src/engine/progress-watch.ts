/** Which evaluation was the best, and whether training should end: Keras' EarlyStopping, of which the best one is kept. */
import type { EarlyStopping, Monitored } from '../jobs/spec/index.ts';

/** As a checkpoint keeps it. */
export interface WatchState {
  /** The best value of the metric that says which weights are the result. */
  best: { metric: Monitored; value: number; step: number; epoch: number } | null;
  /** The best value of the metric of early stopping, null while none was finite, and evaluations since. */
  stopping: { value: number | null; waited: number } | null;
  stopped: boolean;
}

export const UNWATCHED: WatchState = { best: null, stopping: null, stopped: false };

/** Whether a value of the metric is better than another by more than `by`: smaller for losses and errors, larger for the others. */
function isBetter(metric: Monitored, value: number, than: number, by = 0): boolean {
  return metric.endsWith('loss') || metric.endsWith('error') ? value + by < than : value - by > than;
}

/**
 * The state after an evaluation, and whether it is the best so far. As in Keras, the first evaluation that counts starts the waiting, one without a value
 * is passed over, and where both go by the same metric the best is what early stopping took for an improvement. A value that is not finite improves
 * nothing; Keras takes a NaN that comes first for a best that nothing can beat.
 */
export function watched(
  state: WatchState,
  measured: Partial<Record<Monitored, number | null>>,
  { restore, stopping }: { restore: Monitored | null; stopping: EarlyStopping | null },
  { step, epoch }: { step: number; epoch: number },
): { state: WatchState; isBest: boolean } {
  const next = { ...state };
  const shared = stopping !== null && restore === stopping.metric;
  const value = restore === null ? null : (measured[restore] ?? null);
  const counts = !shared || epoch > stopping.start_epoch;
  const isBest =
    restore !== null &&
    value !== null &&
    counts &&
    isImprovement(restore, value, state.best?.value ?? null, shared ? stopping.min_delta : 0);
  if (isBest) next.best = { metric: restore, value, step, epoch };
  const now = stopping === null ? null : (measured[stopping.metric] ?? null);
  if (stopping && now !== null && epoch > stopping.start_epoch) {
    const { value: best, waited } = state.stopping ?? { value: null, waited: -1 };
    next.stopping = isImprovement(stopping.metric, now, best, stopping.min_delta)
      ? { value: now, waited: 0 }
      : { value: best, waited: waited + 1 };
    next.stopped = next.stopping.waited >= Math.max(1, stopping.patience);
  }
  return { state: next, isBest };
}

function isImprovement(metric: Monitored, value: number, best: number | null, by: number): boolean {
  return Number.isFinite(value) && (best === null || isBetter(metric, value, best, by));
}
