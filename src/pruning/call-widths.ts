/** Which numbers of units the time of each call hangs on, and at which of them it is worth timing. */
import type { Call } from '../model/graph.ts';
import { tensorsOf, weightKey } from '../model/graph.ts';
import type { Units } from '../model/layers/index.ts';
import { fewestKept, type GroupLimits, limitsOf } from './allocation.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import type { Removed } from './surgery.ts';

/** What stands side by side along one axis of what a call reads, makes or holds, as far as cuts change it. */
export interface CallAxis {
  /** Elements that no cut removes. */
  fixed: number;
  /** Groups, by their places, with the elements that one unit of each stands for. */
  of: readonly (readonly [group: number, elements: number])[];
}

/** Units that are gone of groups, by their places; of those that are not named none. */
export type Gone = ReadonlyMap<number, number>;

/** One way in which a call is timed. */
export interface CallVariant {
  /** Which of its axes is narrower; null where none is, or all of them are. */
  axis: number | null;
  gone: Gone;
}

export interface CallPlan {
  call: Call;
  axes: readonly CallAxis[];
  /** The first is the call with every unit; of several axes the last has all of them at their narrowest. */
  variants: readonly CallVariant[];
}

/**
 * Every call of the graph with its axes and the variants to time: `levels` widths of each axis below the whole one, evenly between that and what the
 * groups' limits leave. Axes on which the same groups stand are one, and one whose groups stand on a longer one too is not looked at by itself.
 */
export function planCalls(map: ChannelMap, groups: readonly ChannelGroup[], limits: GroupLimits, levels: number): CallPlan[] {
  const groupOf = new Map(groups.flatMap(({ units }, place) => [...units].map((unit) => [unit, place] as const)));
  const steps = groups.map((group) => widthsOf(group, limits, levels));
  return map.graph.calls.map((call) => {
    const axes = axesOf(map, call, groups, groupOf);
    const narrowed = axes.flatMap(({ of }, axis) =>
      distinct(
        Array.from(
          { length: levels },
          (_, level): CallVariant => ({ axis, gone: new Map(of.map(([group]) => [group, steps[group]![level]!])) }),
        ),
      ),
    );
    const narrowest = new Map(axes.flatMap(({ of }) => of.map(([group]) => [group, steps[group]!.at(-1) ?? 0] as const)));
    const corner: CallVariant[] = axes.length > 1 && narrowed.length > 0 ? [{ axis: null, gone: narrowest }] : [];
    return { call, axes, variants: [{ axis: null, gone: new Map() }, ...narrowed, ...corner] };
  });
}

/** Elements along an axis, of groups that have so many units left of those they had. */
export function widthOf({ fixed, of }: CallAxis, unitsLeft: (group: number) => number): number {
  return of.reduce((sum, [group, elements]) => sum + elements * unitsLeft(group), fixed);
}

/** The units that a variant removes: which ones of a group makes no difference to shapes. */
export function removedBy(gone: Gone, map: ChannelMap, groups: readonly ChannelGroup[]): Removed {
  const removed: Removed = new Uint8Array(map.unitCount);
  for (const [group, count] of gone) for (const unit of groups[group]!.units.subarray(0, count)) removed[unit] = 1;
  return removed;
}

/** How many units of a group are gone at each level, ascending: its kept counts are multiples of its `round_to`. */
export function widthsOf(group: ChannelGroup, limits: GroupLimits, levels: number): number[] {
  const own = limitsOf(group, limits);
  const count = group.units.length;
  const least = Math.min(count, fewestKept(own));
  return Array.from({ length: levels }, (_, level) => {
    const wanted = count - ((count - least) * (level + 1)) / levels;
    const kept = Math.max(least, Math.round(wanted / own.round_to) * own.round_to);
    return Math.max(0, count - kept);
  });
}

function axesOf(map: ChannelMap, call: Call, groups: readonly ChannelGroup[], groupOf: ReadonlyMap<number, number>): CallAxis[] {
  const { layer } = call;
  const along: Units[] = [
    ...tensorsOf(call).map((tensor) => map.tensorUnits[tensor]!),
    ...call.outputs.map((tensor) => map.tensorUnits[tensor]!),
    ...layer.weights.flatMap(({ name }) => (map.bindings.get(weightKey(layer, name)) ?? []).map(({ units }) => units)),
  ];
  const axes = new Map<string, CallAxis>();
  for (const units of new Set(along)) {
    let fixed = 0;
    const elements = new Map<number, number>();
    for (const unit of units) {
      const group = groupOf.get(unit);
      if (group === undefined) fixed++;
      else elements.set(group, (elements.get(group) ?? 0) + 1);
    }
    const places = [...elements.keys()].sort((a, b) => a - b);
    const key = places.join();
    if (places.length === 0 || axes.has(key)) continue;
    axes.set(key, { fixed, of: places.map((place) => [place, elements.get(place)! / groups[place]!.units.length] as const) });
  }
  const sets = [...axes.values()].map(({ of }) => new Set(of.map(([group]) => group)));
  return [...axes.values()].filter(
    (_, at) => !sets.some((other) => other.size > sets[at]!.size && [...sets[at]!].every((group) => other.has(group))),
  );
}

/** Variants that remove something, each once. */
function distinct(variants: readonly CallVariant[]): CallVariant[] {
  const seen = new Set(['']);
  return variants.filter(({ gone }) => {
    const key = [...gone.values()].some((count) => count > 0) ? [...gone.values()].join() : '';
    return !seen.has(key) && seen.add(key);
  });
}
