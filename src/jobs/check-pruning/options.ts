/** Options of a prune job that cannot be had together. */
import { refuse } from '../refuse.ts';
import type { PruneSpec, Training } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkPruningOptions({ pruning }: PruneSpec, fineTuning: Training): void {
  const { structure, target, schedule } = pruning;
  if (structure.type === 'unstructured' && !('sparsity' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      'unstructured pruning only makes zeros, which no runtime skips: its target is sparsity. For macs choose the structure channels.',
      target,
    );
  }
  if (structure.type === 'channels' && !('macs' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      'sparsity is a fraction of zeros, and channels are removed, not zeroed: the target of channels is macs.',
      target,
    );
  }
  if (schedule.type === 'polynomial') {
    if (structure.type !== 'unstructured') {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/pruning/schedule',
        'The polynomial schedule moves masks; channels take one_shot or iterative.',
        schedule,
      );
    }
    if (schedule.begin >= schedule.end) refuse('INCOMPATIBLE_OPTIONS', '/pruning/schedule/begin', 'begin must lie before end.', schedule);
    if (fineTuning.epochs === 0) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/fine_tuning/epochs',
        'The polynomial schedule prunes while the model trains; it needs fine_tuning of at least one epoch.',
        0,
      );
    }
  }
  if (fineTuning.weight_range && (fineTuning.weight_range[0] > 0 || fineTuning.weight_range[1] < 0)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning/weight_range',
      'Pruned weights are zero, so the range must contain zero.',
      fineTuning.weight_range,
    );
  }
}
