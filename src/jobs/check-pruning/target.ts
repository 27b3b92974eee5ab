/** What a target may count of which structure. */
import { refuse } from '../refuse.ts';
import { type MeasureName, makesZeros, measureOf, type PruneSpec, type Structure } from '../spec/index.ts';

const COUNTED: Record<Structure['type'], readonly MeasureName[]> = {
  unstructured: ['sparsity', 'parameters', 'bytes'],
  n_m: ['sparsity'],
  block: ['sparsity', 'parameters'],
  channels: ['parameters', 'macs', 'bytes', 'latency'],
  depth: ['parameters', 'macs', 'bytes', 'latency'],
  low_rank: ['parameters', 'macs', 'bytes', 'latency'],
};

const REMOVED = { channels: 'channels are removed', depth: 'blocks are removed', low_rank: 'kernels are factorised' };

/** Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkTarget({ pruning: { structure, target } }: PruneSpec): void {
  const { type } = structure;
  const { measure } = measureOf(target);
  if (COUNTED[type].includes(measure)) return;
  const accepted = `its target is one of ${COUNTED[type].join(', ')}`;
  const why = !makesZeros(structure)
    ? `sparsity is a fraction of zeros, and ${REMOVED[structure.type]}, not zeroed: ${accepted}.`
    : `${type === 'unstructured' ? 'unstructured pruning' : type} only makes zeros, which no runtime skips: ${accepted}. For ${measure} choose the structure channels.`;
  refuse('INCOMPATIBLE_OPTIONS', '/pruning/target', why, target);
}
