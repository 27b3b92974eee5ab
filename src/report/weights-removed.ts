import type { ScoreSpread } from './score-spread.ts';

/** What a cut took of one kernel. */
export interface KernelCut extends ScoreSpread {
  /** Its weight's key, `LAYER/WEIGHT`. */
  kernel: string;
  /** Weights or blocks, those among them that were gone before. */
  before: number;
  after: number;
}

/** Which zeros the last cut of a job made, by the scores that it compared of what could still go. */
export interface WeightsRemoved {
  of: 'weights' | 'blocks';
  kernels: KernelCut[];
}
