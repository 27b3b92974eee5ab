/** What the cuts of every structure share. */
import { type LayerSelection, measureOf, type PruneSpec } from '../../jobs/spec/index.ts';

/**
 * Makes one cut, to the fraction of the target's measure that is to be kept of the original: of sparsity that of weights that are not zero. Records none
 * where no unit or block is small enough for a step on the way.
 */
export type Cutter = (kept: number) => void | Promise<void>;

/** The fraction of the target's measure that is kept once every cut is made. */
export function keptAtTheEnd({ pruning: { target } }: PruneSpec): number {
  const { measure, value } = measureOf(target);
  return measure === 'sparsity' ? 1 - value : value;
}

/** The overrides as they are at one cut of several. */
export function scaledOverrides(overrides: LayerSelection['overrides'], scale: (fraction: number) => number): LayerSelection['overrides'] {
  return Object.fromEntries(
    Object.entries(overrides).map(([layer, { sparsity, ...limits }]) => [
      layer,
      sparsity === undefined ? limits : { ...limits, sparsity: scale(sparsity) },
    ]),
  );
}
