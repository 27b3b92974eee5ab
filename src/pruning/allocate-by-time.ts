/** Channel pruning towards a time: which units go, by what they are worth for each millisecond that goes with them. */
import { type Candidate, candidatesOf, type GroupLimits, lowestOf, nextStep, previousStep } from './allocation.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import { type LatencyTable, PredictedLatency, unitsLeftOf } from './latency-table.ts';
import type { Removed } from './surgery.ts';

/** The way to the limit is gone in so many parts: what a group saves is looked up again as the others get narrower. */
const PARTS = 8;

/** A cut of one group that is made whole or not at all: the one behind it saves less for what it costs. */
interface Bundle {
  candidate: Candidate;
  /** Units of the group that are gone then. */
  count: number;
  /** Score lost for a millisecond saved. */
  price: number;
}

/**
 * The units to remove until the predicted time is at most `limit` milliseconds. Groups are cut by bundles, the cheapest first: of a group those on the lower hull
 * of score over saved time, since some widths save nothing and the next one much. Then what still fits is put back. Of costs that add up and bundles that
 * all fit exactly no other choice keeps more; else it loses less than a bundle's worth. Scores that are negative are lifted to 0 and above first. The
 * furthest cut where that is still above the limit.
 */
export function allocateByTime(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  scores: Float64Array,
  { table, limit, ...limits }: GroupLimits & { table: LatencyTable; limit: number },
): Removed {
  const { free, fixed } = candidatesOf(groups, scores, limits);
  const placeOf = new Map(table.groups.map(({ key }, place) => [key, place]));
  const place = ({ group }: Candidate): number => {
    const found = placeOf.get(group.key);
    if (found === undefined) throw new Error(`The group of ${group.layers.join('+')} was not timed`);
    return found;
  };
  const time = new PredictedLatency(table, unitsLeftOf(table, map));
  const counts = new Map<Candidate, number>(free.map((candidate) => [candidate, 0]));
  const remove = (candidate: Candidate, count: number): void => time.narrow(place(candidate), candidate.group.units.length - count);
  const set = (candidate: Candidate, count: number): void => {
    counts.set(candidate, count);
    remove(candidate, count);
  };
  for (const [candidate, count] of fixed) remove(candidate, count);
  const lowest = free.reduce((least, { ranking }) => Math.min(least, ranking.length > 0 ? scores[ranking[0]!]! : 0), 0);
  const worth = (unit: number): number => scores[unit]! - lowest;

  const whole = time.total();
  for (let part = 1; part <= PARTS; part++) {
    const aim = whole - ((whole - limit) * part) / PARTS;
    const bundles = free
      .flatMap((candidate) => bundlesOf(candidate, counts.get(candidate)!, (left) => time.ofGroup(place(candidate), left), worth))
      .sort((a, b) => a.price - b.price);
    for (const { candidate, count } of bundles) {
      if (time.total() <= aim) break;
      const before = counts.get(candidate)!;
      set(candidate, count);
      if (time.total() > aim) continue;
      // Of the last one as few steps as will do.
      for (let fewer = previousStep(candidate, count); fewer > before; fewer = previousStep(candidate, fewer)) {
        set(candidate, fewer);
        if (time.total() <= aim) continue;
        set(candidate, nextStep(candidate, fewer));
        break;
      }
    }
  }
  if (time.total() > limit) for (const candidate of free) set(candidate, furthest(candidate));
  else putBack(free, counts, set, () => time.total() <= limit, worth);
  return lowestOf(map, new Map([...fixed, ...counts]));
}

/** From `from` removed units on: the corners of the lower hull of lost score over saved time, by their places on it. */
function bundlesOf(candidate: Candidate, from: number, timeAt: (left: number) => number, worth: (unit: number) => number): Bundle[] {
  const { group, ranking, most } = candidate;
  const all = group.units.length;
  const now = timeAt(all - from);
  const hull: { count: number; lost: number; saved: number }[] = [{ count: from, lost: 0, saved: 0 }];
  let lost = 0;
  for (let [count, next] = [from, nextStep(candidate, from)]; next <= most; [count, next] = [next, nextStep(candidate, next)]) {
    for (const unit of ranking.slice(count, next)) lost += worth(unit);
    const point = { count: next, lost, saved: now - timeAt(all - next) };
    if (point.saved <= hull.at(-1)!.saved) continue;
    while (hull.length > 1 && price(hull.at(-2)!, hull.at(-1)!) >= price(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull.slice(1).map((point, at) => ({ candidate, count: point.count, price: price(hull[at]!, point) }));
}

function price(before: { lost: number; saved: number }, after: { lost: number; saved: number }): number {
  return (after.lost - before.lost) / (after.saved - before.saved);
}

/** Steps are taken back, of what is worth most first, as long as the rest `fits`. */
function putBack(
  free: readonly Candidate[],
  counts: ReadonlyMap<Candidate, number>,
  set: (candidate: Candidate, count: number) => void,
  fits: () => boolean,
  worth: (unit: number) => number,
): void {
  const lastWorth = (candidate: Candidate): number => {
    const count = counts.get(candidate)!;
    return count === 0 ? Number.NEGATIVE_INFINITY : worth(candidate.ranking[count - 1]!);
  };
  for (const candidate of [...free].sort((a, b) => lastWorth(b) - lastWorth(a))) {
    for (let count = counts.get(candidate)!; count > 0; count = counts.get(candidate)!) {
      set(candidate, Math.max(0, previousStep(candidate, count)));
      if (fits()) continue;
      set(candidate, count);
      break;
    }
  }
}

function furthest(candidate: Candidate): number {
  let count = 0;
  while (nextStep(candidate, count) <= candidate.most) count = nextStep(candidate, count);
  return count;
}
