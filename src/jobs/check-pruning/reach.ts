import { totalMacs } from '../../model/costs.ts';
import { readGraph } from '../../model/graph.ts';
import { fewestMacs, selectableGroups } from '../../pruning/allocation.ts';
import { channelMap } from '../../pruning/groups.ts';
import { planFault, prunableKernels } from '../../pruning/masks.ts';
import { refuse } from '../refuse.ts';
import type { PruneSpec } from '../spec/index.ts';

/** Whether the target can be reached at all, whatever the scores. Throws Problem NOTHING_TO_PRUNE, TARGET_OUT_OF_REACH. */
export function checkReach({ pruning }: PruneSpec, config: unknown): void {
  const graph = readGraph(config);
  const { target, structure, layers } = pruning;
  if (structure.type === 'unstructured') {
    const kernels = prunableKernels(graph, layers);
    if (kernels.length === 0) refuse('NOTHING_TO_PRUNE', '/pruning/layers', 'No layer with a kernel is left to prune.', layers);
    if (!('sparsity' in target)) return;
    const fault = planFault(kernels, { sparsity: target.sparsity, scope: pruning.scope, overrides: layers.overrides });
    if (fault !== null) refuse('TARGET_OUT_OF_REACH', '/pruning/target/sparsity', fault, target.sparsity);
    return;
  }
  const map = channelMap(graph);
  const groups = selectableGroups(map, layers);
  if (groups.length === 0) {
    const reasons = map.groups.map((group) => `${group.layers.join('+')}: ${group.frozen?.detail ?? 'excluded'}`);
    refuse('NOTHING_TO_PRUNE', '/pruning/layers', `No group of channels may be cut. ${reasons.join('; ')}.`, layers);
  }
  const least = fewestMacs(map, groups, { ...structure, overrides: layers.overrides }) / totalMacs(graph);
  if ('macs' in target && target.macs < least) {
    refuse(
      'TARGET_OUT_OF_REACH',
      '/pruning/target/macs',
      `With every group at its limit ${least.toFixed(4)} of the multiply-accumulates are left. Raise max_ratio, or lower min_channels or round_to.`,
      target.macs,
    );
  }
}
