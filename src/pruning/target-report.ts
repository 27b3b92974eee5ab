/** Whether a job's target was met, measure by measure and layer by layer: recounted on what was made, whatever was planned. */
import { type MeasureName, makesZeros, measureOf, type Pruning, type Target } from '../jobs/spec/index.ts';
import { callMacs, parameterCount, totalMacs } from '../model/costs.ts';
import type { ModelDocument } from '../model/document.ts';
import type { Graph } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import { fewestKept, type GroupLimits, limitsOf } from './allocation.ts';
import { groupsToCut, kernelsToCut } from './candidates.ts';
import { type ChannelGroup, channelMap } from './groups.ts';
import type { PrunableKernel } from './kernels.ts';
import { countZeros } from './masks.ts';
import { requiredSparsity } from './required-sparsity.ts';

/** What only a file or a clock can tell. */
export interface Measurements {
  /** Bytes of the `.keras` file, without the state of an optimizer. */
  bytes: { original: number; result: number };
  /** Of the result's time over the original's, with its 95 % interval; null where it was not measured. */
  latency: { value: number; low: number; high: number; batch_size: number } | null;
}

export interface TargetReport {
  requested: Target;
  achieved: Partial<Record<MeasureName, number>>;
  /** Where the measure is a time: nothing is claimed beyond this interval. */
  interval?: { low: number; high: number; batch_size: number };
  met: boolean;
  layers: LayerTarget[];
}

/** What was asked of one layer and what it came to. */
export type LayerTarget =
  | {
      name: string;
      weights: number;
      zeros: number;
      sparsity: number;
      /** By its override. */
      requested: number | null;
      met: boolean;
    }
  | {
      name: string;
      parameters: { before: number; after: number };
      macs: { before: number; after: number };
      /** Blocks and ranks have no fraction of a layer's own. */
      requested: null;
      met: true;
    }
  | {
      name: string;
      units: { before: number; after: number };
      parameters: { before: number; after: number };
      macs: { before: number; after: number };
      /** By its override: the fraction of its units that was to go. */
      requested: number | null;
      met: boolean;
    };

/** Bytes change with every weight that is trained after the last cut, and by no more than this. */
const BYTES_TOLERANCE = 0.01;

export function targetReport(pruning: Pruning, original: ModelDocument, result: ModelDocument, measured: Measurements): TargetReport {
  const { target, structure } = pruning;
  const { measure, value } = measureOf(target);
  const kernels = !makesZeros(structure) ? [] : kernelsToCut(result.graph, pruning).kernels;
  const zeros = zerosOf(kernels, result);
  const before = parameterCount(original.graph).total;
  const after = parameterCount(result.graph).total;
  const achieved: Record<MeasureName, number> = {
    sparsity: zeros.sum / Math.max(1, zeros.weights),
    parameters: (after - zeros.sum) / before,
    macs: ratio(totalMacs(result.graph), totalMacs(original.graph)),
    bytes: measured.bytes.result / measured.bytes.original,
    latency: measured.latency?.value ?? Number.NaN,
  };
  // One weight is the resolution of a count of zeros, in each layer where every layer has a fraction of its own.
  const resolution = kernels.length;
  const holds: Record<MeasureName, boolean> = {
    sparsity: achieved.sparsity >= requiredSparsity(kernels, structure, value) - resolution / Math.max(1, zeros.weights),
    parameters: achieved.parameters <= value + resolution / before,
    macs: achieved.macs <= value,
    bytes: achieved.bytes <= value * (1 + BYTES_TOLERANCE),
    latency: measured.latency !== null && measured.latency.high <= value,
  };
  return {
    requested: target,
    achieved: { [measure]: achieved[measure] },
    ...(measure === 'latency' && measured.latency
      ? { interval: { low: measured.latency.low, high: measured.latency.high, batch_size: measured.latency.batch_size } }
      : {}),
    met: holds[measure],
    layers:
      structure.type === 'channels'
        ? channelLayers(pruning, { ...structure, overrides: pruning.layers.overrides }, original.graph, result.graph)
        : !makesZeros(structure)
          ? wholeLayers(original.graph, result.graph)
          : kernels.map((kernel): LayerTarget => {
              const own = countZeros(result.weights.get(kernel.key)!.data);
              const requested = pruning.layers.overrides[kernel.layer]?.sparsity ?? null;
              return {
                name: kernel.layer,
                weights: kernel.count,
                zeros: own,
                sparsity: own / kernel.count,
                requested,
                met: requested === null || own >= Math.round(requested * kernel.count),
              };
            }),
  };
}

function zerosOf(kernels: readonly PrunableKernel[], { weights }: ModelDocument): { sum: number; weights: number } {
  return kernels.reduce((all, { key, count }) => ({ sum: all.sum + countZeros(weights.get(key)!.data), weights: all.weights + count }), {
    sum: 0,
    weights: 0,
  });
}

function ratio(after: number, before: number): number {
  return before === 0 ? 1 : after / before;
}

/** Layers that went with their blocks, and those that are two now, whose row is of both. */
function wholeLayers(original: Graph, result: Graph): LayerTarget[] {
  const [before, after] = [costsOf(original), costsOf(result)];
  const factor = new Map(result.calls.map(({ layer, inputs }) => [layer.name, madeBy(result, inputs[0]!)]));
  const known = new Set(original.layers.map(({ name }) => name));
  return original.layers
    .filter(({ weights }) => weights.length > 0)
    .map(({ name }) => {
      const first = factor.get(name);
      const own = [name, ...(first !== undefined && !known.has(first) ? [first] : [])].map(after);
      const [was, sum] = [before(name), (of: 'parameters' | 'macs') => own.reduce((total, costs) => total + costs[of], 0)];
      return {
        name,
        parameters: { before: was.parameters, after: sum('parameters') },
        macs: { before: was.macs, after: sum('macs') },
        requested: null,
        met: true,
      };
    });
}

/** The layer that makes a tensor. */
function madeBy(graph: Graph, tensor: number): string | undefined {
  return graph.calls.find(({ outputs }) => outputs.includes(tensor))?.layer.name;
}

/** Of a layer by its name; of one that is not there nothing. */
function costsOf(graph: Graph): (name: string) => { parameters: number; macs: number } {
  const macs = callMacs(graph);
  return (name) => ({
    parameters: graph.layers.find((layer) => layer.name === name)?.weights.reduce((sum, { shape }) => sum + size(shape), 0) ?? 0,
    macs: macs.filter(({ call }) => call.layer.name === name).reduce((sum, cost) => sum + cost.macs, 0),
  });
}

/** A layer's row holds where every group of its units keeps what it must, in whole steps where anything went, and lost the fraction of its own. */
function channelLayers(pruning: Pruning, limits: GroupLimits, original: Graph, result: Graph): LayerTarget[] {
  const map = channelMap(original);
  const selected = new Set(groupsToCut(map, pruning).groups);
  const left = new Map(channelMap(result).groups.map((group) => [group.key, group.units.length]));
  const [before, after] = [costsOf(original), costsOf(result)];
  const names = new Set(map.groups.flatMap(({ layers }) => layers));
  return [...names].map((name) => {
    const groups = map.groups.filter(({ layers }) => layers.includes(name));
    const kept = (group: ChannelGroup): number => left.get(group.key) ?? 0;
    const fractions = groups.filter((group) => selected.has(group)).flatMap((group) => limitsOf(group, limits).fraction ?? []);
    const holds = groups.every((group) => {
      const count = group.units.length;
      const now = kept(group);
      if (!selected.has(group)) return now === count;
      const own = limitsOf(group, limits);
      const within = now === count || (now >= Math.min(count, fewestKept(own)) && now % own.round_to === 0);
      // Its own fraction is met to the nearest step that its limits allow.
      const most = Math.max(0, count - fewestKept(own));
      const wanted = own.fraction === null ? 0 : Math.min(most, own.fraction * count);
      return within && count - now > wanted - own.round_to - 1e-9;
    });
    const [was, is] = [before(name), after(name)];
    return {
      name,
      units: {
        before: groups.reduce((sum, { units }) => sum + units.length, 0),
        after: groups.reduce((sum, group) => sum + kept(group), 0),
      },
      parameters: { before: was.parameters, after: is.parameters },
      macs: { before: was.macs, after: is.macs },
      requested: fractions.length > 0 ? Math.max(...fractions) : null,
      met: holds,
    };
  });
}
