/** Options of a prune job that cannot be had together. */
import { refuse } from '../refuse.ts';
import type { Training } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkPruningOptions(fineTuning: Training): void {
  if (fineTuning.weight_range && (fineTuning.weight_range[0] > 0 || fineTuning.weight_range[1] < 0)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning/weight_range',
      'Pruned weights are zero, so the range must contain zero.',
      fineTuning.weight_range,
    );
  }
}
