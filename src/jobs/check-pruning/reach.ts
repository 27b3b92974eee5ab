import type { JobWarning } from '../../ledger/ledger.ts';
import { parameterCount, totalMacs } from '../../model/costs.ts';
import type { Graph } from '../../model/graph.ts';
import { furthestCut, selectableGroups } from '../../pruning/allocation.ts';
import { costWithout, selectableBlocks } from '../../pruning/blocks.ts';
import { groupsToCut, kernelsToCut, type LeftOut } from '../../pruning/candidates.ts';
import { scopeOf } from '../../pruning/cells.ts';
import { channelMap } from '../../pruning/groups.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import { costOfRanks, factorableKernels, keptRank } from '../../pruning/low-rank.ts';
import { macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { sparsityForParameters } from '../../pruning/sparsity-target.ts';
import { largestBlockSparsity } from '../../pruning/structures/block.ts';
import { densityFloor, planFault, zerosOptions } from '../../pruning/zeros.ts';
import { refuse } from '../refuse.ts';
import { type Depth, isAccuracyTarget, type LowRank, measureOf, type Pruning } from '../spec/index.ts';
import { smallestCut } from './accuracy-target.ts';

/**
 * Whether the target can be reached at all, whatever the scores; of bytes and times only the job can tell; `warn` is told of what the criterion, the structure or the scope leaves out.
 * Throws Problem NOTHING_TO_PRUNE, TARGET_OUT_OF_REACH.
 */
export function checkReach(pruning: Pruning, graph: Graph, warn: (warning: JobWarning) => void): void {
  const { target, structure, layers } = pruning;
  const { measure, value } = isAccuracyTarget(target) ? smallestCut(target) : measureOf(target);
  const pointer = `/pruning/target/${measure}`;
  const asked = `${pruning.criterion.type}, ${structure.type}, ${scopeOf(pruning)}`;
  if (structure.type === 'depth' || structure.type === 'low_rank') {
    const least = leastLeft(structure, graph, layers, warn);
    if (measure !== 'macs' && measure !== 'parameters') return;
    const fraction = least[measure] / (measure === 'macs' ? totalMacs(graph) : parameterCount(graph).total);
    if (value < fraction) {
      refuse(
        'TARGET_OUT_OF_REACH',
        pointer,
        structure.type === 'depth'
          ? `Without every block that may go ${fraction.toFixed(4)} of the ${measure} are left.`
          : `With every rank at its least ${fraction.toFixed(4)} of the ${measure} are left. Lower min_rank or round_to.`,
        value,
      );
    }
    return;
  }
  if (structure.type !== 'channels') {
    if (prunableKernels(graph, layers).length === 0)
      refuse('NOTHING_TO_PRUNE', '/pruning/layers', 'No layer with a kernel is left to prune.', layers);
    const { kernels, leftOut } = kernelsToCut(graph, pruning);
    if (kernels.length === 0)
      refuse('NOTHING_TO_PRUNE', '/pruning', `Of no kernel weights can be taken by ${asked}. ${shown(leftOut)}`, asked);
    if (leftOut.length > 0)
      warn({ code: 'KERNELS_LEFT_OUT', detail: `Not pruned by ${asked}, and not counted in the target: ${shown(leftOut)}` });
    if (measure === 'bytes') return;
    const sparsity = measure === 'parameters' ? sparsityForParameters(graph, kernels, value) : value;
    const options = zerosOptions(pruning, sparsity);
    const fault =
      structure.type === 'n_m'
        ? null
        : (planFault(kernels, options) ??
          (structure.type === 'block' ? blockFault(sparsity, largestBlockSparsity(kernels, structure, densityFloor(options))) : null));
    if (fault !== null) refuse('TARGET_OUT_OF_REACH', pointer, fault, value);
    return;
  }
  const map = channelMap(graph);
  if (selectableGroups(map, layers).length === 0) {
    const reasons = map.groups.map((group) => `${group.layers.join('+')}: ${group.frozen?.detail ?? 'excluded'}`);
    refuse('NOTHING_TO_PRUNE', '/pruning/layers', `No group of channels may be cut. ${reasons.join('; ')}.`, layers);
  }
  const { groups, leftOut } = groupsToCut(map, pruning);
  if (groups.length === 0)
    refuse(
      'NOTHING_TO_PRUNE',
      '/pruning/criterion',
      `${pruning.criterion.type} can score no group. ${shown(leftOut)}`,
      pruning.criterion.type,
    );
  if (leftOut.length > 0) warn({ code: 'GROUPS_LEFT_OUT', detail: `Not cut by ${asked}: ${shown(leftOut)}` });
  if (measure !== 'macs' && measure !== 'parameters') return;
  const counted = measure === 'macs' ? macsMeasure(map) : parametersMeasure(map);
  const whole = measure === 'macs' ? totalMacs(graph) : parameterCount(graph).total;
  const least = counted.of(furthestCut(map, groups, { ...structure, overrides: layers.overrides })) / whole;
  if (value < least) {
    refuse(
      'TARGET_OUT_OF_REACH',
      pointer,
      `With every group at its limit ${least.toFixed(4)} of the ${counted.unit} are left. Raise max_ratio, or lower min_channels or round_to.`,
      value,
    );
  }
}

/** What is left when everything goes that may; `warn` is told what may not. Throws Problem NOTHING_TO_PRUNE. */
function leastLeft(structure: Depth | LowRank, graph: Graph, layers: Pruning['layers'], warn: (warning: JobWarning) => void) {
  if (structure.type === 'depth') {
    const { blocks, leftOut } = selectableBlocks(graph, layers);
    if (blocks.length === 0) {
      const why = leftOut.length > 0 ? shown(leftOut) : 'The model has no sum of a tensor and what was made of it, both of one shape.';
      refuse('NOTHING_TO_PRUNE', '/pruning/structure', `No residual block may be removed. ${why}`, structure);
    }
    if (leftOut.length > 0) warn({ code: 'BLOCKS_LEFT_OUT', detail: `Not removed: ${shown(leftOut)}` });
    return costWithout(graph, blocks);
  }
  const { kernels, leftOut } = factorableKernels(graph, layers);
  if (kernels.length === 0) refuse('NOTHING_TO_PRUNE', '/pruning/structure', `No kernel may be factorised. ${shown(leftOut)}`, structure);
  if (leftOut.length > 0) warn({ code: 'KERNELS_LEFT_OUT', detail: `Not factorised: ${shown(leftOut)}` });
  return costOfRanks(
    graph,
    kernels,
    kernels.map((kernel) => keptRank(kernel, 1, structure)),
  );
}

function blockFault(asked: number, most: number): string | null {
  return asked <= most
    ? null
    : `Blocks that leave every output unit one can make ${(100 * most).toFixed(2)} % zeros at most; take smaller ones, or ask for less.`;
}

function shown(leftOut: readonly LeftOut[]): string {
  return `${leftOut.map(({ name, reason }) => `${name} (${reason})`).join('; ')}.`;
}
