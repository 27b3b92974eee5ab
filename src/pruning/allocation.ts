/** Channel pruning: which units go, so that what the target counts meets its limit. */
import { Problem } from '../errors.ts';
import type { LayerSelection } from '../jobs/spec/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import type { Measure } from './measures.ts';
import type { Removed } from './surgery.ts';

/** How far groups may be cut. */
export interface GroupLimits {
  /** Kept counts are multiples of this. */
  round_to: number;
  min_channels: number;
  /** Largest fraction of a group's units that may go. */
  max_ratio: number;
  /** What layers say of themselves instead. */
  overrides: LayerSelection['overrides'];
  /** How many units the group had before any cut, of which `max_ratio` and an override's `sparsity` are fractions; those it has where absent. */
  before?(group: ChannelGroup): number | undefined;
}

export interface AllocationOptions extends GroupLimits {
  /** What is counted. */
  measure: Measure;
  /** How much of it may be kept. */
  limit: number;
  scope: 'layer' | 'global';
}

/** How far one group may be cut, its layers' overrides considered. */
export interface OwnLimits {
  round_to: number;
  min_channels: number;
  max_ratio: number;
  /** The number of units that `max_ratio` and `fraction` are of. */
  of: number;
  /** The fraction of its units that is to be gone after the cut whatever the target, by override. */
  fraction: number | null;
}

/** A group with what it may give. */
export interface Candidate {
  group: ChannelGroup;
  /** Units from the lowest score to the highest. */
  ranking: number[];
  scores: Float64Array;
  most: number;
  roundTo: number;
  /** How many are to go whatever the target, not rounded. */
  wanted: number | null;
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

/**
 * The limits of a group: where its layers override them, the strictest of theirs holds, and kept counts are multiples of every `round_to`; of several
 * fractions the largest.
 */
export function limitsOf(group: ChannelGroup, options: GroupLimits): OwnLimits {
  const own = group.layers.map((layer) => options.overrides[layer] ?? {});
  const given = <Key extends keyof (typeof own)[number]>(key: Key): number[] => own.flatMap((override) => override[key] ?? []);
  const [steps, least, ratios, fractions] = [given('round_to'), given('min_channels'), given('max_ratio'), given('sparsity')];
  return {
    round_to: steps.length > 0 ? steps.reduce(leastCommonMultiple) : options.round_to,
    min_channels: least.length > 0 ? Math.max(...least) : options.min_channels,
    max_ratio: ratios.length > 0 ? Math.min(...ratios) : options.max_ratio,
    of: options.before?.(group) ?? group.units.length,
    fraction: fractions.length > 0 ? Math.max(...fractions) : null,
  };
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** How many units of a group may go, in whole `round_to` steps. */
export function mostRemovable(group: ChannelGroup, limits: Omit<OwnLimits, 'fraction'>): number {
  return Math.max(0, group.units.length - fewestKept(limits));
}

/** The fewest units that a group may be left with. */
export function fewestKept({ round_to, min_channels, max_ratio, of }: Omit<OwnLimits, 'fraction'>): number {
  const least = Math.max(min_channels, Math.ceil(of * (1 - max_ratio) - 1e-9), 1);
  return Math.ceil(least / round_to) * round_to;
}

/** How many units of a group go when it is cut as far as it may be, or by its override. */
export function furthestCount(group: ChannelGroup, options: GroupLimits): number {
  const limits = limitsOf(group, options);
  const most = mostRemovable(group, limits);
  return limits.fraction === null ? most : toStep({ group, most, roundTo: limits.round_to }, stillToGo(group, limits.fraction, limits.of));
}

/** The units that go when every group is cut as far as it may be, or by its override: no target below what these leave can be met. Which ones of a group makes no difference to a count. */
export function furthestCut(map: ChannelMap, groups: readonly ChannelGroup[], options: GroupLimits): Removed {
  const removed: Removed = new Uint8Array(map.unitCount);
  for (const group of groups) for (const unit of group.units.subarray(0, furthestCount(group, options))) removed[unit] = 1;
  return removed;
}

/**
 * The units to remove: by lowest score until the exact count meets the target, then the best of them are put back as far as they still fit.
 * `scores` is by unit number and finite; whether it can be compared between groups is the caller's to see to.
 * Throws Problem TARGET_OUT_OF_REACH when every group is at its limit above the target.
 */
export function allocate(map: ChannelMap, groups: readonly ChannelGroup[], scores: Float64Array, options: AllocationOptions): Removed {
  const { measure, limit } = options;
  const { free, fixed } = candidatesOf(groups, scores, options);
  const counted = (counts: ReadonlyMap<Candidate, number>): Removed => lowestOf(map, new Map([...fixed, ...counts]));
  // Every plan is a list that grows by one step at a time; more steps never cost more, so the first that fits is found by bisection.
  const plan = options.scope === 'global' ? globalSteps(free) : layerSteps(free);
  let low = 0;
  let high = plan.length;
  const least = measure.of(counted(countsAfter(plan, high)));
  if (least > limit) {
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `${Math.round(limit)} ${measure.unit} are asked for; with every group at its limit ${Math.round(least)} are left. Raise max_ratio, lower min_channels or round_to, or exclude fewer layers.`,
    );
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    if (measure.of(counted(countsAfter(plan, middle))) <= limit) high = middle;
    else low = middle + 1;
  }
  const counts = countsAfter(plan, low);
  // Put back: the last steps taken of each group, best score first, while the target still holds; in layer scope one, so that groups stay alike.
  for (const candidate of [...free].sort((a, b) => lastScore(b, counts) - lastScore(a, counts))) {
    for (;;) {
      const count = counts.get(candidate) ?? 0;
      if (count === 0) break;
      counts.set(candidate, Math.max(0, previousStep(candidate, count)));
      if (measure.of(counted(counts)) > limit) {
        counts.set(candidate, count);
        break;
      }
      if (options.scope === 'layer') break;
    }
  }
  return counted(counts);
}

/** The groups as they may be cut: those of which so many units go whatever the target, by override, and the others. */
export function candidatesOf(
  groups: readonly ChannelGroup[],
  scores: Float64Array,
  options: GroupLimits,
): { free: Candidate[]; fixed: Map<Candidate, number> } {
  const candidates = groups.map((group): Candidate => {
    const limits = limitsOf(group, options);
    return {
      group,
      ranking: [...group.units].sort((a, b) => scores[a]! - scores[b]! || a - b),
      scores,
      most: mostRemovable(group, limits),
      roundTo: limits.round_to,
      wanted: limits.fraction === null ? null : stillToGo(group, limits.fraction, limits.of),
    };
  });
  const fixed = candidates
    .filter(({ wanted }) => wanted !== null)
    .map((candidate) => [candidate, toStep(candidate, candidate.wanted!)] as const);
  return { free: candidates.filter(({ wanted }) => wanted === null), fixed: new Map(fixed) };
}

/** So many of the lowest units of each candidate. */
export function lowestOf(map: ChannelMap, counts: ReadonlyMap<Candidate, number>): Removed {
  const removed: Removed = new Uint8Array(map.unitCount);
  for (const [candidate, count] of counts) for (const unit of candidate.ranking.slice(0, count)) removed[unit] = 1;
  return removed;
}

/** What is left to remove of a group until `fraction` of the `of` units it once had are gone; not rounded. */
function stillToGo(group: ChannelGroup, fraction: number, of: number): number {
  return Math.max(0, group.units.length - of * (1 - fraction));
}

/** The number removed that is nearest `wanted` among those that leave a multiple of `round_to`, within the group's limit; of 0 none. */
function toStep(candidate: Pick<Candidate, 'group' | 'most' | 'roundTo'>, wanted: number): number {
  if (wanted === 0) return 0;
  const { roundTo } = candidate;
  const count = candidate.group.units.length;
  const keeps = Math.max(roundTo, Math.round((count - wanted) / roundTo) * roundTo);
  return Math.min(candidate.most, Math.max(0, count - keeps));
}

/** The next larger number removed that leaves a multiple of `round_to`. */
export function nextStep({ group, roundTo }: Candidate, count: number): number {
  const left = group.units.length - count;
  return count + (left % roundTo === 0 ? roundTo : left % roundTo);
}

/** The next smaller one, 0 the last. */
export function previousStep({ group, roundTo }: Candidate, count: number): number {
  const all = group.units.length;
  return count - roundTo < all % roundTo ? 0 : count - roundTo;
}

interface Step {
  candidate: Candidate;
  count: number;
  /** Mean score of the units that this step removes. */
  score: number;
}

function stepsOf(candidate: Candidate): Step[] {
  const steps: Step[] = [];
  for (let from = 0; ; ) {
    const to = nextStep(candidate, from);
    if (to > candidate.most) return steps;
    const units = candidate.ranking.slice(from, to);
    steps.push({ candidate, count: to, score: units.reduce((sum, unit) => sum + candidate.scores[unit]!, 0) / units.length });
    from = to;
  }
}

/** Steps of all groups by score; a group's own steps stay in order, since its ranking ascends. */
function globalSteps(candidates: Candidate[]): Step[] {
  return candidates.flatMap((candidate) => stepsOf(candidate)).sort((a, b) => a.score - b.score || a.count - b.count);
}

/** Steps of all groups by the fraction they have given: every layer is cut alike. */
function layerSteps(candidates: Candidate[]): Step[] {
  const fraction = (step: Step): number => step.count / step.candidate.group.units.length;
  return candidates.flatMap((candidate) => stepsOf(candidate)).sort((a, b) => fraction(a) - fraction(b));
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
