/** Which units were removed, by which scores: told in the numbers of the original model, however many cuts there were. */

/** What one cut did to one group of units, in the numbers that units had then. */
export interface CutUnits {
  /** What tells the group apart, also in the model that was cut. */
  key: string;
  layers: readonly string[];
  before: number;
  /** Places of units that went, ascending. */
  removed: readonly number[];
  /** By place; null where nothing was scored, as by a plan. */
  scores: readonly number[] | null;
}

/** Scores between two bounds, the upper one excluded but in the last. */
export interface ScoreBin {
  from: number;
  to: number;
  kept: number;
  removed: number;
}

export interface GroupUnits {
  /** Whose output units these are. */
  layers: string[];
  before: number;
  after: number;
  /** The scores that units had in the newest cut that scored them, in 16 bins of equal width; null where none did. */
  distribution: ScoreBin[] | null;
  /** The lowest score of a unit that stays and the highest of one that goes: where they cross, limits or other groups decided rather than the score. */
  lowest_kept: number | null;
  highest_removed: number | null;
}

/** Every unit of a group by its place in the original layer. */
export interface NumberedUnits {
  layers: string[];
  kept: number[];
  removed: number[];
  /** [before], of the newest cut that scored the unit; null where none did. */
  scores: (number | null)[];
}

export interface UnitsRemoved {
  groups: GroupUnits[];
  /** Null where there are more units than a result holds: they are in the artifact of the role `units`. */
  units: NumberedUnits[] | null;
}

const BINS = 16;
/** Units of all groups that a result holds one by one. */
export const MOST_UNITS = 2048;

/** Composes cuts, the first one first. */
export function numberedUnits(cuts: readonly (readonly CutUnits[])[]): NumberedUnits[] {
  const groups = new Map<string, NumberedUnits>();
  for (const { key, layers, before, removed, scores } of cuts.flat()) {
    const group = groups.get(key) ?? {
      layers: [...layers],
      kept: Array.from({ length: before }, (_, place) => place),
      removed: [],
      scores: new Array<number | null>(before).fill(null),
    };
    groups.set(key, group);
    if (group.kept.length !== before)
      throw new Error(`The cuts before left ${group.kept.length} units of ${layers[0]}, and this one began with ${before}`);
    for (const [place, unit] of group.kept.entries()) group.scores[unit] = scores?.[place] ?? group.scores[unit]!;
    const gone = new Set(removed.map((place) => group.kept[place]!));
    group.removed = [...group.removed, ...gone].sort((one, other) => one - other);
    group.kept = group.kept.filter((unit) => !gone.has(unit));
  }
  return [...groups.values()];
}

export function unitsRemoved(numbered: readonly NumberedUnits[]): UnitsRemoved {
  const all = numbered.reduce((sum, { scores }) => sum + scores.length, 0);
  return { groups: numbered.map(groupOf), units: all > MOST_UNITS ? null : [...numbered] };
}

function groupOf({ layers, kept, removed, scores }: NumberedUnits): GroupUnits {
  const of = (units: readonly number[]): number[] => units.flatMap((unit) => scores[unit] ?? []);
  const [stay, go] = [of(kept), of(removed)];
  return {
    layers,
    before: scores.length,
    after: kept.length,
    distribution: stay.length + go.length === 0 ? null : distribution(stay, go),
    lowest_kept: stay.length === 0 ? null : Math.min(...stay),
    highest_removed: go.length === 0 ? null : Math.max(...go),
  };
}

function distribution(kept: readonly number[], removed: readonly number[]): ScoreBin[] {
  const all = [...kept, ...removed];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const width = (high - low) / BINS;
  const count = width > 0 ? BINS : 1;
  const bins = Array.from({ length: count }, (_, bin) => ({
    from: low + bin * width,
    to: bin === count - 1 ? high : low + (bin + 1) * width,
    kept: 0,
    removed: 0,
  }));
  const binOf = (score: number): ScoreBin => bins[width > 0 ? Math.min(BINS - 1, Math.floor((score - low) / width)) : 0]!;
  for (const score of kept) binOf(score).kept += 1;
  for (const score of removed) binOf(score).removed += 1;
  return bins;
}
