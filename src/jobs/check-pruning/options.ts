/** Options of a prune job that cannot be had together. */
import { refuse } from '../refuse.ts';
import type { PruneSpec, Training } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkPruningOptions({ pruning }: PruneSpec, fineTuning: Training): void {
  const { structure, target } = pruning;
  if (structure.type !== 'channels' && !('sparsity' in target)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      `${structure.type === 'unstructured' ? 'unstructured pruning' : structure.type} only makes zeros, which no runtime skips: its target is sparsity. For macs choose the structure channels.`,
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
  if (fineTuning.weight_range && (fineTuning.weight_range[0] > 0 || fineTuning.weight_range[1] < 0)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning/weight_range',
      'Pruned weights are zero, so the range must contain zero.',
      fineTuning.weight_range,
    );
  }
}
