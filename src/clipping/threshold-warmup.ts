import type { ThresholdWarmup } from '../jobs/spec/index.ts';

/** What thresholds are multiplied by at a step (from 0): from `from` linearly to 1 over `steps` steps. */
export function warmupFactor(warmup: ThresholdWarmup | null, step: number): number {
  if (warmup === null || step >= warmup.steps) return 1;
  return warmup.from + (1 - warmup.from) * (step / warmup.steps);
}
