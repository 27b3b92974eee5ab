/** What the cuts of every structure share. */
import type { LayerSelection, PruneSpec } from '../../jobs/spec/index.ts';

/** Makes one cut, to the fraction of the target's measure that is to be kept of the original. */
export type Cutter = (kept: number) => void;

/** The fraction of the target's measure that is kept once every cut is made. */
export function keptAtTheEnd({ pruning: { target } }: PruneSpec): number {
  return 'macs' in target ? target.macs : 1 - target.sparsity;
}

/** The overrides as they are at one cut of several. */
export function scaledOverrides(overrides: LayerSelection['overrides'], scale: (fraction: number) => number): LayerSelection['overrides'] {
  return Object.fromEntries(
    Object.entries(overrides).map(([layer, { sparsity }]) => [layer, sparsity === undefined ? {} : { sparsity: scale(sparsity) }]),
  );
}
