/** How much smaller a model can get at the most, whatever the data say: counted on shapes, nothing is scored and nothing is run. */
import type { Channels, LayerSelection } from '../jobs/spec/index.ts';
import { parameterCount, totalMacs } from '../model/costs.ts';
import { readModelConfig } from '../model/formats/index.ts';
import { type Graph, readGraph } from '../model/graph.ts';
import type { FrozenReason } from '../model/layers/index.ts';
import { furthestCount, furthestCut, selectableGroups } from './allocation.ts';
import { type ChannelGroup, type ChannelMap, channelMap } from './groups.ts';
import { prunableKernels } from './kernels.ts';
import { macsWithout, parametersWithout, type Removed } from './surgery.ts';
import { largestSparsity } from './zeros.ts';

/** What a caller would ask of a job. */
export interface SavingsOptions {
  structure: Channels;
  layers: LayerSelection;
}

/** Why something cannot be cut: by what the model is, or by what was asked. */
export type BlockedReason = FrozenReason | 'EXCLUDED' | 'NOT_INCLUDED' | 'AT_ITS_LIMIT' | 'NO_UNITS_OF_ITS_OWN';

export interface Blocked {
  reason: BlockedReason;
  detail: string;
}

/** A count before and after the largest cut; `kept` is their ratio, 1 where there was nothing. */
export interface Saving {
  before: number;
  after: number;
  kept: number;
}

/** What cutting as far as may be would leave. */
export interface Savings {
  parameters: Saving;
  macs: Saving;
}

export interface GroupSavings {
  /** Whose output units are removed together. */
  layers: string[];
  units: number;
  /** Units that may go; 0 where the group is blocked. */
  removable: number;
  blocked: Blocked | null;
  /** Of cutting this group alone. */
  largest_saving: Savings;
}

export interface LayerPrunability {
  name: string;
  class_name: string;
  units: number;
  removable: number;
  /** Null where some of its units may go. */
  blocked: Blocked | null;
  /** Weights that unstructured pruning may set to zero. */
  prunable_weights: number;
}

export interface ModelSavings {
  groups: GroupSavings[];
  layers: LayerPrunability[];
  /** Of cutting every group as far as it may be. */
  largest_saving: Savings;
  /** `largest_sparsity` leaves every output unit one weight. */
  unstructured: { prunable_weights: number; largest_sparsity: number };
}

/** The same of a model file. Throws the Problems of `readModelConfig`. */
export async function readSavings(path: string, options: SavingsOptions): Promise<ModelSavings> {
  return largestSavings(readGraph(await readModelConfig(path)), options);
}

/** What can be cut of a graph and how much that saves. Layer names of the options that the graph has not count for nothing. */
export function largestSavings(graph: Graph, { structure, layers: selection }: SavingsOptions): ModelSavings {
  const map = channelMap(graph);
  const limits = { ...structure, overrides: selection.overrides };
  const selected = new Set(selectableGroups(map, selection));
  const before = { parameters: parameterCount(graph).total, macs: totalMacs(graph) };
  const savings = (removed: Removed): Savings => ({
    parameters: saving(before.parameters, parametersWithout(map, removed)),
    macs: saving(before.macs, macsWithout(map, removed)),
  });
  const groups = map.groups.map((group) => {
    const removable = selected.has(group) ? furthestCount(group, limits) : 0;
    return {
      group,
      removable,
      blocked: removable > 0 ? null : blockedBy(group, selection, structure),
      largest_saving: savings(furthestCut(map, removable > 0 ? [group] : [], limits)),
    };
  });
  const kernels = prunableKernels(graph, selection);
  return {
    groups: groups.map(({ group, ...rest }) => ({ layers: group.layers, units: group.units.length, ...rest })),
    layers: graph.layers
      .filter(({ className }) => className !== 'InputLayer')
      .map((layer) => {
        const own = groups.filter(({ group }) => group.layers.includes(layer.name));
        const removable = own.reduce((sum, { removable }) => sum + removable, 0);
        return {
          name: layer.name,
          class_name: layer.className,
          units: own.reduce((sum, { group }) => sum + group.units.length, 0),
          removable,
          blocked: removable > 0 ? null : (own.find(({ blocked }) => blocked)?.blocked ?? passesOn(map, layer.name)),
          prunable_weights: kernels.filter((kernel) => kernel.layer === layer.name).reduce((sum, { count }) => sum + count, 0),
        };
      }),
    largest_saving: savings(furthestCut(map, [...selected], limits)),
    unstructured: {
      prunable_weights: kernels.reduce((sum, { count }) => sum + count, 0),
      largest_sparsity: largestSparsity(kernels),
    },
  };
}

function saving(before: number, after: number): Saving {
  return { before, after, kept: before === 0 ? 1 : after / before };
}

function blockedBy(group: ChannelGroup, selection: LayerSelection, structure: Channels): Blocked {
  if (group.frozen) return group.frozen;
  const excluded = group.layers.filter((layer) => selection.exclude.includes(layer));
  if (excluded.length > 0) return { reason: 'EXCLUDED', detail: `${excluded.join(', ')} is excluded, and the units go together` };
  if (selection.include !== undefined && !group.layers.some((layer) => selection.include!.includes(layer)))
    return { reason: 'NOT_INCLUDED', detail: `include names none of ${group.layers.join(', ')}` };
  const { round_to, min_channels, max_ratio } = structure;
  return {
    reason: 'AT_ITS_LIMIT',
    detail: `of ${group.units.length} units none may go with round_to ${round_to}, min_channels ${min_channels}, max_ratio ${max_ratio} and the layers' overrides`,
  };
}

function passesOn(map: ChannelMap, name: string): Blocked {
  const inputs = map.graph.calls.filter(({ layer }) => layer.name === name).length;
  return {
    reason: 'NO_UNITS_OF_ITS_OWN',
    detail: inputs === 0 ? 'the layer is never called' : 'the layer passes on the units of those before it, and follows when they are cut',
  };
}
