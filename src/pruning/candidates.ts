/** What a job may cut: kernels or groups by its selection, less those that its criterion, structure or scope cannot take, each with the reason. */
import type { Pruning } from '../jobs/spec/index.ts';
import type { Graph } from '../model/graph.ts';
import { selectableGroups } from './allocation.ts';
import { scopeOf } from './cells.ts';
import { criterion, type UnitNeed } from './criteria/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import { inputCount, type PrunableKernel, prunableKernels, unitCount } from './kernels.ts';
import { invisible } from './visible-inputs.ts';

export interface LeftOut {
  /** A kernel's key, or the layers of a group. */
  name: string;
  reason: string;
}

type Asked = Pick<Pruning, 'criterion' | 'structure' | 'scope' | 'layers'>;

/** The kernels that a job of zeros cuts. */
export function kernelsToCut(graph: Graph, asked: Asked): { kernels: PrunableKernel[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const { readsInputs } = criterion(asked.criterion);
  const kernels = prunableKernels(graph, asked.layers).filter((kernel) => {
    const reason =
      (readsInputs ? invisible(kernel, readsInputs) : null) ?? unfitFor(kernel, asked.structure) ?? leftOutGlobally(kernel, asked);
    if (reason !== null) leftOut.push({ name: kernel.key, reason });
    return reason === null;
  });
  return { kernels, leftOut };
}

/** The groups whose units a job of channels may remove. */
export function groupsToCut(map: ChannelMap, asked: Asked): { groups: ChannelGroup[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const rule = criterion(asked.criterion).units;
  const groups = selectableGroups(map, asked.layers).filter((group) => {
    const reason = (OUTSIDE.has(rule?.needs ?? 'nothing') ? inside(group) : null) ?? rule?.lacks?.(group, map) ?? null;
    if (reason !== null) leftOut.push({ name: group.layers.join('+'), reason });
    return reason === null;
  });
  return { groups, leftOut };
}

/** Statistics of a unit on a layer's output, or as its readers see it. */
const OUTSIDE: ReadonlySet<UnitNeed> = new Set(['gates', 'activations', 'read_activity', 'contributions']);

function inside({ kind }: ChannelGroup): string | null {
  return kind === 'channels' ? null : `its units are ${kind.replace('_', ' ')}, which no output shows; a criterion by weights scores them`;
}

function unfitFor(kernel: PrunableKernel, structure: Asked['structure']): string | null {
  const [inputs, units] = [inputCount(kernel), unitCount(kernel)];
  if (structure.type === 'n_m' && inputs < structure.m) return `its units have ${inputs} inputs, fewer than ${structure.m}`;
  if (structure.type === 'block' && (inputs < structure.rows || units < structure.cols)) {
    return `it is ${inputs} inputs by ${units} units, smaller than a block`;
  }
  return null;
}

/** A depthwise kernel has few weights for what hangs on each: it gives none to a global comparison unless it is named. */
function leftOutGlobally(kernel: PrunableKernel, asked: Asked): string | null {
  if (!kernel.depthwise || scopeOf(asked) !== 'global' || asked.criterion.type === 'planned') return null;
  const named = asked.layers.include?.includes(kernel.layer) || asked.layers.overrides[kernel.layer]?.sparsity !== undefined;
  return named ? null : 'it is depthwise, and weights are compared globally; include it by name, or use the scope layer or erk';
}
