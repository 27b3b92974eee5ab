/** Which units were removed, by which scores: told in the numbers of the original model, however many cuts there were. */

import type { UnitKind } from '../model/layers/index.ts';
import { type ScoreSpread, scoreSpread } from './score-spread.ts';

/** What one cut did to one group of units, in the numbers that units had then. */
export interface CutUnits {
  /** What tells the group apart, also in the model that was cut. */
  key: string;
  layers: readonly string[];
  kind: UnitKind;
  before: number;
  /** Places of units that went, ascending. */
  removed: readonly number[];
  /** By place; null where nothing was scored, as by a plan. */
  scores: readonly number[] | null;
}

/** Scores are those that units had in the newest cut that scored them. */
export interface GroupUnits extends ScoreSpread {
  /** Whose units these are. */
  layers: string[];
  kind: UnitKind;
  before: number;
  after: number;
}

/** Every unit of a group by its place in the original layer. */
export interface NumberedUnits {
  layers: string[];
  kind: UnitKind;
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

/** Units of all groups that a result holds one by one. */
export const MOST_UNITS = 2048;

/** Composes cuts, the first one first. */
export function numberedUnits(cuts: readonly (readonly CutUnits[])[]): NumberedUnits[] {
  const groups = new Map<string, NumberedUnits>();
  for (const { key, layers, kind, before, removed, scores } of cuts.flat()) {
    const group = groups.get(key) ?? {
      layers: [...layers],
      kind,
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

function groupOf({ layers, kind, kept, removed, scores }: NumberedUnits): GroupUnits {
  const of = (units: readonly number[]): number[] => units.flatMap((unit) => scores[unit] ?? []);
  return { layers, kind, before: scores.length, after: kept.length, ...scoreSpread(of(kept), of(removed)) };
}
