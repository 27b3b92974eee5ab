/** Channel pruning: which units go, so that the multiply-accumulates meet their target. */
import { Problem } from '../errors.ts';
import type { LayerSelection } from '../jobs/spec/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import { macsWithout, type Removed } from './surgery.ts';

export interface AllocationOptions {
  /** Multiply-accumulates that may be kept, for one sample. */
  macs: number;
  scope: 'layer' | 'global';
  /** Kept counts are multiples of this. */
  round_to: number;
  min_channels: number;
  /** Largest fraction of a group's units that may go. */
  max_ratio: number;
  overrides: LayerSelection['overrides'];
}

/** A group with what it may give. */
interface Candidate {
  group: ChannelGroup;
  /** Units from the lowest score to the highest. */
  ranking: number[];
  scores: Float64Array;
  most: number;
  /** A fraction of its own, by override. */
  fraction: number | null;
}

/** The groups that a selection lets channel pruning touch. Excluding one layer of a group excludes the group. */
export function selectableGroups(map: ChannelMap, selection: Pick<LayerSelection, 'include' | 'exclude'>): ChannelGroup[] {
  return map.groups.filter(
    (group) =>
      group.frozen === null &&
      !group.layers.some((layer) => selection.exclude.includes(layer)) &&
      (selection.include === undefined || group.layers.some((layer) => selection.include!.includes(layer))),
  );
}

/** How many units of a group may go, in whole `round_to` steps. */
export function mostRemovable(group: ChannelGroup, options: Pick<AllocationOptions, 'round_to' | 'min_channels' | 'max_ratio'>): number {
  const count = group.units.length;
  const least = Math.max(options.min_channels, Math.ceil(count * (1 - options.max_ratio) - 1e-9), 1);
  return Math.max(0, count - Math.ceil(least / options.round_to) * options.round_to);
}

type GroupLimits = Pick<AllocationOptions, 'round_to' | 'min_channels' | 'max_ratio' | 'overrides'>;

/** How many units of a group go when it is cut as far as it may be, or by its override. */
export function furthestCount(group: ChannelGroup, options: GroupLimits): number {
  const most = mostRemovable(group, options);
  const fraction = ownFraction(group, options.overrides);
  return fraction === null ? most : toStep({ group, most }, fraction * group.units.length, options.round_to);
}

/** The units that go when every group is cut as far as it may be, or by its override; which ones of a group makes no difference to a count. */
export function furthestCut(map: ChannelMap, groups: readonly ChannelGroup[], options: GroupLimits): Removed {
  const removed: Removed = new Uint8Array(map.unitCount);
  for (const group of groups) for (const unit of group.units.subarray(0, furthestCount(group, options))) removed[unit] = 1;
  return removed;
}

/** Multiply-accumulates with every group cut as far as it may be, or by its override: no target below this can be met. */
export function fewestMacs(map: ChannelMap, groups: readonly ChannelGroup[], options: GroupLimits): number {
  return macsWithout(map, furthestCut(map, groups, options));
}

/** The fraction that an override gives a group: the largest of its layers'. */
function ownFraction(group: ChannelGroup, overrides: AllocationOptions['overrides']): number | null {
  const fractions = group.layers.map((layer) => overrides[layer]?.sparsity).filter((fraction) => fraction !== undefined);
  return fractions.length > 0 ? Math.max(...fractions) : null;
}

/**
 * The units to remove: by lowest score until the exact count meets the target, then the best of them are put back as far as they still fit.
 * `scores` is by unit number and finite; whether it can be compared between groups is the caller's to see to.
 * Throws Problem TARGET_OUT_OF_REACH when every group is at its limit above the target.
 */
export function allocate(map: ChannelMap, groups: readonly ChannelGroup[], scores: Float64Array, options: AllocationOptions): Removed {
  const candidates = groups.map(
    (group): Candidate => ({
      group,
      ranking: [...group.units].sort((a, b) => scores[a]! - scores[b]! || a - b),
      scores,
      most: mostRemovable(group, options),
      fraction: ownFraction(group, options.overrides),
    }),
  );
  const fixed = candidates.filter((candidate) => candidate.fraction !== null);
  const free = candidates.filter((candidate) => candidate.fraction === null);
  const base = new Map(
    fixed.map((candidate) => [candidate, toStep(candidate, candidate.fraction! * candidate.group.units.length, options.round_to)]),
  );
  const counted = (counts: ReadonlyMap<Candidate, number>): Removed => {
    const removed: Removed = new Uint8Array(map.unitCount);
    for (const [candidate, count] of [...base, ...counts]) for (const unit of candidate.ranking.slice(0, count)) removed[unit] = 1;
    return removed;
  };
  // Every plan is a list that grows by one step at a time; more steps never cost more, so the first that fits is found by bisection.
  const plan = options.scope === 'global' ? globalSteps(free, options.round_to) : layerSteps(free, options.round_to);
  let low = 0;
  let high = plan.length;
  if (macsWithout(map, counted(countsAfter(plan, high))) > options.macs) {
    const least = macsWithout(map, counted(countsAfter(plan, high)));
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `${Math.round(options.macs)} multiply-accumulates are asked for; with every group at its limit ${least} are left. Raise max_ratio, lower min_channels or round_to, or exclude fewer layers.`,
    );
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (macsWithout(map, counted(countsAfter(plan, middle))) <= options.macs) high = middle;
    else low = middle + 1;
  }
  const counts = countsAfter(plan, low);
  // Put back: the last steps taken of each group, best score first, while the target still holds; in layer scope one, so that groups stay alike.
  for (const candidate of [...free].sort((a, b) => lastScore(b, counts) - lastScore(a, counts))) {
    for (;;) {
      const count = counts.get(candidate) ?? 0;
      if (count === 0) break;
      counts.set(candidate, Math.max(0, previousStep(candidate, count, options.round_to)));
      if (macsWithout(map, counted(counts)) > options.macs) {
        counts.set(candidate, count);
        break;
      }
      if (options.scope === 'layer') break;
    }
  }
  return counted(counts);
}

/** The number removed that is nearest `wanted` among those that leave a multiple of `round_to`, within the group's limit; of 0 none. */
function toStep(candidate: Pick<Candidate, 'group' | 'most'>, wanted: number, roundTo: number): number {
  if (wanted === 0) return 0;
  const count = candidate.group.units.length;
  const keeps = Math.max(roundTo, Math.round((count - wanted) / roundTo) * roundTo);
  return Math.min(candidate.most, Math.max(0, count - keeps));
}

/** The next larger number removed that leaves a multiple of `round_to`. */
function nextStep(candidate: Candidate, count: number, roundTo: number): number {
  const left = candidate.group.units.length - count;
  return count + (left % roundTo === 0 ? roundTo : left % roundTo);
}

function previousStep(candidate: Candidate, count: number, roundTo: number): number {
  const all = candidate.group.units.length;
  return count - roundTo < all % roundTo ? 0 : count - roundTo;
}

interface Step {
  candidate: Candidate;
  count: number;
  /** Mean score of the units that this step removes. */
  score: number;
}

function stepsOf(candidate: Candidate, roundTo: number): Step[] {
  const steps: Step[] = [];
  for (let from = 0; ; ) {
    const to = nextStep(candidate, from, roundTo);
    if (to > candidate.most) return steps;
    const units = candidate.ranking.slice(from, to);
    steps.push({ candidate, count: to, score: units.reduce((sum, unit) => sum + candidate.scores[unit]!, 0) / units.length });
    from = to;
  }
}

/** Steps of all groups by score; a group's own steps stay in order, since its ranking ascends. */
function globalSteps(candidates: Candidate[], roundTo: number): Step[] {
  return candidates.flatMap((candidate) => stepsOf(candidate, roundTo)).sort((a, b) => a.score - b.score || a.count - b.count);
}

/** Steps of all groups by the fraction they have given: every layer is cut alike. */
function layerSteps(candidates: Candidate[], roundTo: number): Step[] {
  const fraction = (step: Step): number => step.count / step.candidate.group.units.length;
  return candidates.flatMap((candidate) => stepsOf(candidate, roundTo)).sort((a, b) => fraction(a) - fraction(b));
}

function countsAfter(plan: readonly Step[], steps: number): Map<Candidate, number> {
  const counts = new Map<Candidate, number>();
  for (const step of plan.slice(0, steps)) counts.set(step.candidate, Math.max(step.count, counts.get(step.candidate) ?? 0));
  return counts;
}

function lastScore(candidate: Candidate, counts: ReadonlyMap<Candidate, number>): number {
  const count = counts.get(candidate) ?? 0;
  return count === 0 ? Number.NEGATIVE_INFINITY : candidate.scores[candidate.ranking[count - 1]!]!;
}
