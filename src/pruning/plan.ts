/** What one cut removes as a document that a job leaves, a caller may write, and another job replays. */
import { Problem, received } from '../errors.ts';
import type { LayerSelection, Plan, PlannedGroup, PlannedKernel, Structure, WeightStructure } from '../jobs/spec/index.ts';
import { fewestKept, furthestCount, type GroupLimits, limitsOf } from './allocation.ts';
import { bitmap, bits } from './bitmap.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import { inputCount, matrixOrder, type PrunableKernel, unitCount } from './kernels.ts';
import { countZeros, type Masks } from './masks.ts';
import type { Removed } from './surgery.ts';

type PlanCode = 'PLAN_MISMATCH' | 'INCOMPATIBLE_OPTIONS';

/** Throws the Problem, about a place in the specification's plan. */
function refuse(place: string, detail: string, value: unknown, code: PlanCode = 'PLAN_MISMATCH'): never {
  throw new Problem(code, detail, { items: [{ pointer: `/pruning/plan${place}`, detail, received: received(value) }] });
}

/** The plan of units: every group that could be cut, with the scores that it was cut by, float64 by unit number. */
export function planOfUnits(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  removed: Removed,
  scores: Float64Array,
  modelSha256: string,
): Plan {
  return {
    model_sha256: modelSha256,
    structure: 'channels',
    groups: groups.map((group): PlannedGroup => {
      const places = [...group.units.keys()];
      return {
        layers: group.layers,
        kind: group.kind,
        part: twins(map, group).indexOf(group),
        units: group.units.length,
        kept: places.filter((place) => !removed[group.units[place]!]),
        removed: places.filter((place) => removed[group.units[place]!]),
        scores: places.map((place) => scores[group.units[place]!]!),
      };
    }),
  };
}

/** The plan of zeros: every kernel that could be cut. `masks` are 1 where a weight stays. */
export function planOfZeros(structure: WeightStructure, kernels: readonly PrunableKernel[], masks: Masks, modelSha256: string): Plan {
  return {
    model_sha256: modelSha256,
    structure: structure.type,
    kernels: kernels.map(({ key, shape }): PlannedKernel => {
      const mask = masks.get(key)!;
      const zeros = countZeros(mask);
      return { weight: key, shape: [...shape], zeros, removed: bitmap(mask.map((lives) => 1 - lives)) };
    }),
  };
}

/** Groups of the same layers and kind, in the map's order. */
function twins(map: ChannelMap, { layers, kind }: ChannelGroup): ChannelGroup[] {
  return map.groups.filter((group) => group.kind === kind && group.layers.join('\0') === layers.join('\0'));
}

/**
 * The units that a plan removes of the groups that may be cut; `limits` are the job's own, which the plan has to keep.
 * Throws Problem PLAN_MISMATCH where the plan names what the model has not, INCOMPATIBLE_OPTIONS where it goes beyond the job's limits.
 */
export function plannedUnits(map: ChannelMap, groups: readonly ChannelGroup[], plan: Plan, limits: GroupLimits): Removed {
  const removed: Removed = new Uint8Array(map.unitCount);
  const seen = new Map<ChannelGroup, number>();
  for (const [index, entry] of (plan.groups ?? []).entries()) {
    const place = `/groups/${index}`;
    const group = groupOf(map, entry, place);
    if (seen.has(group))
      refuse(place, `The units of ${named(group)} are planned twice: by groups/${seen.get(group)} as well.`, entry.layers);
    seen.set(group, index);
    const gone = removedPlaces(entry, group, place);
    if (gone.length > 0 && !groups.includes(group)) {
      const why = group.frozen?.detail ?? 'the layers of the job leave it out, or its criterion cannot take it';
      const code = group.frozen ? 'PLAN_MISMATCH' : 'INCOMPATIBLE_OPTIONS';
      refuse(`${place}/layers`, `Units of ${named(group)} cannot go: ${why}.`, entry.layers, code);
    }
    for (const at of gone) removed[group.units[at]!] = 1;
  }
  for (const group of groups) {
    const fault = beyond(group, removed, limits);
    const index = seen.get(group);
    if (fault !== null)
      refuse(index === undefined ? '/groups' : `/groups/${index}`, `${named(group)}: ${fault}`, group.layers, 'INCOMPATIBLE_OPTIONS');
  }
  return removed;
}

const named = ({ layers, kind }: ChannelGroup): string => `${layers.join('+')}${kind === 'channels' ? '' : ` (${kind})`}`;

function groupOf(map: ChannelMap, { layers, kind, part }: PlannedGroup, place: string): ChannelGroup {
  const known = new Set(map.graph.layers.map(({ name }) => name));
  const stranger = layers.findIndex((layer) => !known.has(layer));
  if (stranger >= 0) refuse(`${place}/layers/${stranger}`, 'The model has no layer of this name.', layers[stranger]);
  const holds = map.groups.filter((group) => group.kind === kind && layers.every((layer) => group.layers.includes(layer)));
  const exact = holds.filter((group) => group.layers.length === new Set(layers).size);
  const candidates = exact.length > 0 ? exact : holds;
  const alike = candidates.every((group) => group.layers.join('\0') === candidates[0]!.layers.join('\0'));
  const shown = map.groups.map((group) => named(group)).slice(0, 50);
  if (candidates.length === 0)
    refuse(`${place}/layers`, `No group of units has these layers and this kind. There are: ${shown.join(', ')}.`, { layers, kind });
  if (!alike) {
    refuse(
      `${place}/layers`,
      `Several groups have them: ${candidates.map(named).join(', ')}. Name all layers of the one that is meant.`,
      layers,
    );
  }
  return candidates[part] ?? refuse(`${place}/part`, `There are ${candidates.length} such groups; part counts them from 0.`, part);
}

/** The places, from 0, of the units of a group that go. */
function removedPlaces({ units, kept, removed, scores }: PlannedGroup, group: ChannelGroup, place: string): number[] {
  const count = group.units.length;
  if (units !== undefined && units !== count) refuse(`${place}/units`, `${named(group)} has ${count} units.`, units);
  if (scores && scores.length !== count) refuse(`${place}/scores`, `${named(group)} has ${count} units.`, scores.length);
  if (!kept && !removed) refuse(place, 'One of kept and removed says which units go.', group.layers);
  for (const [field, list] of Object.entries({ kept, removed })) {
    const known = new Set<number>();
    for (const [at, unit] of (list ?? []).entries()) {
      if (unit >= count) refuse(`${place}/${field}/${at}`, `${named(group)} has ${count} units, counted from 0.`, unit);
      if (known.has(unit)) refuse(`${place}/${field}/${at}`, 'It is listed twice.', unit);
      known.add(unit);
    }
  }
  const stays = kept && new Set(kept);
  const gone = removed ?? [...group.units.keys()].filter((at) => !stays!.has(at));
  if (stays && removed && (removed.some((at) => stays.has(at)) || stays.size + removed.length !== count))
    refuse(place, `kept and removed must hold each of the ${count} units once; one of them is enough.`, {
      kept: stays.size,
      removed: removed.length,
    });
  return gone;
}

/** How a cut of a group is not what the job's limits allow; null where it is. */
function beyond(group: ChannelGroup, removed: Removed, limits: GroupLimits): string | null {
  const gone = group.units.reduce((sum, unit) => sum + removed[unit]!, 0);
  const own = limitsOf(group, limits);
  const left = group.units.length - gone;
  if (own.fraction !== null) {
    const wanted = furthestCount(group, limits);
    return gone === wanted ? null : `the plan removes ${gone} units, and the layers' override ${wanted}. Leave its sparsity out.`;
  }
  if (gone === 0) return null;
  const { round_to, min_channels, max_ratio } = own;
  if (left < fewestKept(own) || left % round_to !== 0)
    return `the plan keeps ${left} of ${group.units.length} units, which round_to ${round_to}, min_channels ${min_channels} and max_ratio ${max_ratio} do not allow.`;
  return null;
}

/**
 * The masks of a plan, 1 where a weight stays, for every kernel that may be cut: `kernels` are those.
 * Throws Problem PLAN_MISMATCH where the plan names what the model has not, INCOMPATIBLE_OPTIONS where it does not keep the structure.
 */
export function plannedMasks(
  all: readonly PrunableKernel[],
  kernels: readonly PrunableKernel[],
  plan: Plan,
  { structure, layers: { overrides } }: { structure: Structure; layers: Pick<LayerSelection, 'overrides'> },
): Masks {
  const masks: Masks = new Map(kernels.map(({ key, count }) => [key, new Uint8Array(count).fill(1)]));
  const seen = new Map<string, number>();
  for (const [index, entry] of (plan.kernels ?? []).entries()) {
    const place = `/kernels/${index}`;
    const kernel = all.find(({ key }) => key === entry.weight);
    if (!kernel) {
      const known = all.map(({ key }) => key).slice(0, 50);
      return refuse(`${place}/weight`, `The model has no kernel of this name. It has: ${known.join(', ')}.`, entry.weight);
    }
    if (seen.has(kernel.key)) refuse(`${place}/weight`, `It is planned twice: by kernels/${seen.get(kernel.key)} as well.`, entry.weight);
    seen.set(kernel.key, index);
    const mask = maskOf(entry, kernel, place);
    if (masks.has(kernel.key)) masks.set(kernel.key, mask);
    else if (mask.includes(0))
      refuse(
        `${place}/weight`,
        'The layers of the job leave this kernel out, or its criterion cannot take it.',
        entry.weight,
        'INCOMPATIBLE_OPTIONS',
      );
  }
  for (const kernel of kernels) {
    const index = seen.get(kernel.key);
    const place = index === undefined ? '/kernels' : `/kernels/${index}`;
    const mask = masks.get(kernel.key)!;
    if (structure.type === 'n_m' && !keepsPattern(kernel, mask, structure))
      refuse(
        place,
        `${kernel.key} keeps more than ${structure.n} of some ${structure.m} consecutive inputs.`,
        kernel.key,
        'INCOMPATIBLE_OPTIONS',
      );
    const own = overrides[kernel.layer]?.sparsity;
    const zeros = countZeros(mask);
    if (own !== undefined && zeros < Math.round(own * kernel.count))
      refuse(
        place,
        `${kernel.key} gets ${zeros} zeros, and by its layer's override ${Math.round(own * kernel.count)}.`,
        zeros,
        'INCOMPATIBLE_OPTIONS',
      );
  }
  return masks;
}

function maskOf({ shape, kept, removed, zeros }: PlannedKernel, kernel: PrunableKernel, place: string): Uint8Array {
  if (shape && (shape.length !== kernel.shape.length || shape.some((axis, at) => axis !== kernel.shape[at])))
    refuse(`${place}/shape`, `${kernel.key} has the shape [${kernel.shape.join(', ')}].`, shape);
  const read = (field: 'kept' | 'removed', text: string): Uint8Array =>
    bits(text, kernel.count) ??
    refuse(
      `${place}/${field}`,
      `${kernel.key} has ${kernel.count} weights: ${Math.ceil(kernel.count / 8)} bytes, no bit set behind the last.`,
      text,
    );
  const stays = kept === undefined ? null : read('kept', kept);
  const gone = removed === undefined ? null : read('removed', removed);
  const mask = stays ?? gone?.map((bit) => 1 - bit) ?? refuse(place, 'One of kept and removed says which weights go.', kernel.key);
  if (stays && gone && stays.some((bit, at) => bit === gone[at]))
    refuse(place, 'kept and removed must hold each weight once; one of them is enough.', kernel.key);
  const counted = countZeros(mask);
  if (zeros !== undefined && zeros !== counted) refuse(`${place}/zeros`, `${counted} weights are removed.`, zeros);
  return mask;
}

/** Whether of every m consecutive inputs of a unit n stay at the most. */
function keepsPattern(kernel: PrunableKernel, mask: Uint8Array, { n, m }: { n: number; m: number }): boolean {
  const [inputs, units, order] = [inputCount(kernel), unitCount(kernel), matrixOrder(kernel)];
  for (let unit = 0; unit < units; unit++) {
    for (let from = 0; from < inputs; from += m) {
      let live = 0;
      for (let input = from; input < Math.min(inputs, from + m); input++) live += mask[order[input * units + unit]!]!;
      if (live > n) return false;
    }
  }
  return true;
}
