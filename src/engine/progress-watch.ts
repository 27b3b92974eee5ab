/** Which evaluation was the best, and whether training should end. */
import type { EarlyStopping, Monitored } from '../jobs/spec/index.ts';

/** As a checkpoint keeps it. */
export interface WatchState {
  /** The best value of the metric that says which weights are the result. */
  best: { metric: Monitored; value: number; step: number; epoch: number } | null;
  /** The best value of the metric of early stopping, and evaluations since. */
  stopping: { value: number; waited: number } | null;
  stopped: boolean;
}

export const UNWATCHED: WatchState = { best: null, stopping: null, stopped: false };

/** What a smaller value of the metric is. */
export function isBetter(metric: Monitored, value: number, than: number, by = 0): boolean {
  return metric.endsWith('loss') || metric.endsWith('error') ? value < than - by : value > than + by;
}

/** The state after an evaluation, and whether it is the best so far. A metric that is missing or not finite improves nothing. */
export function watched(
  state: WatchState,
  measured: Partial<Record<Monitored, number | null>>,
  { restore, stopping }: { restore: Monitored | null; stopping: EarlyStopping | null },
  { step, epoch }: { step: number; epoch: number },
): { state: WatchState; isBest: boolean } {
  const next = { ...state };
  let isBest = false;
  const value = restore === null ? null : (measured[restore] ?? null);
  if (restore !== null && value !== null && Number.isFinite(value) && (!state.best || isBetter(restore, value, state.best.value))) {
    next.best = { metric: restore, value, step, epoch };
    isBest = true;
  }
  if (stopping && epoch > stopping.start_epoch) {
    const now = measured[stopping.metric] ?? Number.NaN;
    const improved = Number.isFinite(now) && (!state.stopping || isBetter(stopping.metric, now, state.stopping.value, stopping.min_delta));
    next.stopping = improved
      ? { value: now, waited: 0 }
      : { value: state.stopping?.value ?? now, waited: (state.stopping?.waited ?? 0) + 1 };
    next.stopped = next.stopping.waited > stopping.patience || (stopping.patience > 0 && next.stopping.waited === stopping.patience);
  }
  return { state: next, isBest };
}
