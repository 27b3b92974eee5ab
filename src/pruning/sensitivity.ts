/** How much the loss rises when one group, or one kernel, is cut alone, and scores that share a cut out by it. */
import type { Sensitivities, Sensitivity } from '../jobs/spec/index.ts';
import type { ChannelGroup } from './groups.ts';

/** Fractions of a group's units at which it is measured, and of a kernel's weights. */
export const LEVELS = { units: [0.25, 0.5, 0.75], weights: [0.5, 0.75, 0.9] } as const;

/** On which samples it is measured where cuts are shared out by it: none of the split that then chooses between trials. */
export const GUIDING = { split: 'train', samples: 512 } as const;

/** How many of `count` units or weights are nearest to each fraction: whole numbers, ascending, each once, without none and all. */
export function countsAt(fractions: readonly number[], count: number): number[] {
  const counts = new Set(fractions.map((fraction) => Math.round(fraction * count)).filter((gone) => gone > 0 && gone < count));
  return [...counts].sort((a, b) => a - b);
}

/** Of what was measured, the levels of these groups nearest to the fractions, in the groups' order; null where one of them was not measured. */
export function atFractions(
  { groups, ...whole }: Sensitivities,
  names: readonly string[],
  fractions: readonly number[],
): Sensitivities | null {
  const known = new Map(groups.map((group) => [group.name, group]));
  const picked: Sensitivity[] = [];
  for (const name of names) {
    const group = known.get(name);
    if (!group) return null;
    const measured = new Map(group.levels.map((level) => [level.removed, level]));
    const levels = countsAt(fractions, group.count).map((gone) => measured.get(gone / group.count));
    if (levels.includes(undefined)) return null;
    picked.push({ ...group, levels: levels as Sensitivity['levels'] });
  }
  return { ...whole, groups: picked };
}

/** What nothing is measured to cost still costs this fraction of the mean: an order among what is free. */
const FLOOR = 1e-6;

/**
 * The rise of the loss by the fraction removed, at a fraction from 0 to 1: linear between the middles of the levels' intervals, never falling (a group that was cut
 * further does not get cheaper), and twice as steep as the last interval at 1, where nothing was measured.
 */
export function marginalRise({ levels }: Sensitivity): (removed: number) => number {
  const knots: [at: number, slope: number][] = [];
  let [from, rise, steepest] = [0, 0, 0];
  for (const level of levels) {
    const slope = (level.rise - rise) / (level.removed - from);
    steepest = Math.max(steepest, slope);
    knots.push([(from + level.removed) / 2, steepest]);
    [from, rise] = [level.removed, level.rise];
  }
  knots.push([1, 2 * steepest]);
  knots.unshift([0, knots[0]![1] / 2]);
  return (removed) => {
    const next = Math.max(
      1,
      knots.findIndex(([at]) => at >= removed),
    );
    const [[left, low], [right, high]] = [knots[next - 1]!, knots[next]!];
    return low + ((high - low) * (removed - left)) / (right - left);
  };
}

/** By name: the rise of the loss that one more unit or weight costs, at a fraction removed; positive, and growing with it. */
function marginals(of: readonly Sensitivity[]): Map<string, (removed: number) => number> {
  const slopes = of.map((one) => [one.name, marginalRise(one)] as const);
  const mean = slopes.reduce((sum, [, slope]) => sum + slope(0.5), 0) / Math.max(1, slopes.length);
  const floor = FLOOR * (mean > 0 ? mean : 1);
  return new Map(slopes.map(([name, slope]) => [name, (removed) => slope(removed) + floor * (1 + removed)]));
}

/**
 * Scores by unit number that keep the criterion's order within each group, and between groups go by what the next unit costs in loss over what it gives:
 * `gain` is what the target counts of one unit of the group.
 */
export function guidedUnits(
  groups: readonly ChannelGroup[],
  scores: Float64Array,
  { groups: measured }: Sensitivities,
  gain: (group: ChannelGroup) => number,
): Float64Array {
  const by = marginals(measured);
  const guided = new Float64Array(scores.length);
  for (const group of groups) {
    const count = group.units.length;
    const slope = by.get(group.key);
    if (!slope) throw new Error(`The sensitivity of ${group.layers.join('+')} was not measured`);
    const ranking = [...group.units].sort((a, b) => scores[a]! - scores[b]! || a - b);
    const each = count * Math.max(gain(group), Number.MIN_VALUE);
    for (const [rank, unit] of ranking.entries()) guided[unit] = slope((rank + 0.5) / count) / each;
  }
  return guided;
}

/** The same of single weights, each of which gives one: by kernel, in the weight's order. Neighbours in the criterion's order stay apart in float32. */
export function guidedWeights(scores: ReadonlyMap<string, Float32Array>, { groups: measured }: Sensitivities): Map<string, Float32Array> {
  const by = marginals(measured);
  return new Map(
    [...scores].map(([key, own]) => {
      const slope = by.get(key);
      if (!slope) throw new Error(`The sensitivity of ${key} was not measured`);
      const count = own.length;
      const ranking = Uint32Array.from(own.keys()).sort((a, b) => own[a]! - own[b]! || a - b);
      const guided = new Float32Array(count);
      let last = 0;
      for (const [rank, index] of ranking.entries()) {
        const score = Math.fround(slope((rank + 0.5) / count) / count);
        // As the criterion has them: equal scores stay equal.
        const tied = rank > 0 && own[index] === own[ranking[rank - 1]!];
        last = tied ? last : score > last ? score : nextFloat(last);
        guided[index] = last;
      }
      return [key, guided];
    }),
  );
}

const word = new DataView(new ArrayBuffer(4));

/** The smallest float32 above one that is not negative. */
function nextFloat(value: number): number {
  word.setFloat32(0, value);
  word.setUint32(0, word.getUint32(0) + 1);
  return word.getFloat32(0);
}
