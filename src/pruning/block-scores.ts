/** What residual blocks are worth. */
import type { Criterion as CriterionSpec } from '../jobs/spec/index.ts';
import type { ModelDocument } from '../model/document.ts';
import { weightKey } from '../model/graph.ts';
import type { Generator } from '../random.ts';
import type { ResidualBlock } from './blocks.ts';
import { criterion, type GateMoments, type ScoredUnits } from './criteria/index.ts';

/** The statistics of blocks, by their place in the list; each is taken where a criterion asks for it. */
export interface BlockStatistics {
  /** Of a gate on what the branch adds. */
  gates(): GateMoments;
  /** Σ‖what the branch adds‖² / Σ‖the sum‖². */
  changes(): Float64Array;
  random: Generator;
}

/**
 * The score of each block; the lowest goes first. By `reconstruction` it is what the branch adds as a fraction of the sum, by the loss criteria their rule
 * for a unit, of the block's gate; by `magnitude` the mean of |w|^p over the kernels of the branch.
 */
export function blockScores(
  spec: CriterionSpec,
  document: ModelDocument,
  blocks: readonly ResidualBlock[],
  statistics: BlockStatistics,
): Float64Array {
  switch (spec.type) {
    case 'reconstruction':
      return statistics.changes();
    case 'random':
      return Float64Array.from(blocks, () => statistics.random.uniform());
    case 'magnitude':
      return Float64Array.from(blocks, ({ layers }) => meanPower(document, layers, spec.p));
    default: {
      const rule = criterion(spec).units as ScoredUnits<'gates'> | null;
      if (rule?.needs !== 'gates') throw new Error(`${spec.type} does not score blocks`);
      const units = Int32Array.from(blocks.keys());
      const group = { key: 'blocks', layers: [], kind: 'channels' as const, units, frozen: null };
      return rule.scores(group, statistics.gates(), NO_CONTEXT);
    }
  }
}

/** Criteria by gates look at nothing else. */
const NO_CONTEXT = null as never;

function meanPower({ graph, weights }: ModelDocument, layers: readonly string[], p: 1 | 2): number {
  let sum = 0;
  let count = 0;
  for (const layer of graph.layers.filter(({ name }) => layers.includes(name))) {
    for (const { name } of layer.weights.filter(({ role }) => role === 'kernel')) {
      const { data } = weights.get(weightKey(layer, name))!;
      for (const value of data) sum += p === 1 ? Math.abs(value) : value * value;
      count += data.length;
    }
  }
  return count === 0 ? 0 : sum / count;
}
