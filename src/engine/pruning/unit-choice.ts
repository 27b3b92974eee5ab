/** Which units a cut removes: by their scores, or as planned. */
import type { Plan, PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { scopeOf } from '../../pruning/cells.ts';
import { criterion, type ScoredUnits, type UnitNeed, type UnitStatistics } from '../../pruning/criteria/index.ts';
import { type ChannelGroup, type ChannelMap, channelMap } from '../../pruning/groups.ts';
import type { LatencyReport } from '../../pruning/latency-report.ts';
import type { LatencyTable } from '../../pruning/latency-table.ts';
import { plannedUnits } from '../../pruning/plan.ts';
import { unitScores } from '../../pruning/scores.ts';
import type { Removed } from '../../pruning/surgery.ts';
import { generator } from '../../random.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { calibrationOf, type Scorable, type ScoringParts, type ScoringSpec } from './calibration-of.ts';
import { chooseUnits } from './choose-units.ts';
import { keptAtTheEnd, scaledOverrides } from './cutter.ts';
import type { Guidance } from './guidance.ts';
import { unitStatistics } from './statistics/index.ts';
import { stopwatch } from './stopwatch.ts';

export interface UnitChoice {
  document: ModelDocument;
  map: ChannelMap;
  /** Those that may be cut. */
  groups: ChannelGroup[];
  removed: Removed;
  /** How a cut towards a time was found; null where the target is none. */
  latency: LatencyReport | null;
  /** By unit number; null where nothing was scored. */
  scores: Float64Array | null;
  /** What the units were scored by, as the criterion needs it. */
  statistic: UnitStatistics[UnitNeed] | null;
  /** What it took. */
  seconds: { scoring: number; plan: number };
}

/** Chooses for one cut after the other, each to the fraction kept of the target's measure; of a time by `table`. Throws Problem TARGET_OUT_OF_REACH, PLAN_MISMATCH. */
export function unitChooser(
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
  plan: Plan | null,
  { guidance, table }: { guidance: Guidance | null; table: LatencyTable | null },
): (kept: number) => Promise<UnitChoice> {
  const { pruning } = spec;
  const { structure } = pruning;
  if (structure.type !== 'channels') throw new Error('Channels are cut by a structure of type channels');
  const scope = scopeOf(pruning);
  // Rounds that each gave their part of a group would go beyond its max_ratio together.
  const before = new Map(channelMap(parts.document.graph).groups.map((group) => [group.key, group.units.length]));
  const final = keptAtTheEnd(spec);
  return async (kept) => {
    const limits = {
      ...structure,
      // Scores of the scope isomorphic are ranks, which are compared globally.
      scope: scope === 'layer' ? ('layer' as const) : ('global' as const),
      overrides: scaledOverrides(pruning.layers.overrides, (fraction) => goneSoFar(fraction, kept, final, pruning.schedule.type)),
      before: (group: ChannelGroup) => before.get(group.key),
    };
    const watch = stopwatch();
    if (plan !== null) {
      const chosen = unitsToChoose(spec, run);
      parts.reporter.enter('pruning');
      const removed = plannedUnits(chosen.map, chosen.groups, plan, limits);
      return { ...chosen, removed, latency: null, scores: null, statistic: null, seconds: { scoring: 0, plan: watch() } };
    }
    const { statistic, scores: own, ...chosen } = scoredUnits(spec, run, parts);
    const scores = guidance ? guidance.units(chosen.map, chosen.groups, own) : own;
    const scoring = watch();
    parts.reporter.enter('pruning');
    const { removed, latency } = await chooseUnits({ ...chosen, scores, limits, kept }, spec, parts, table);
    return { ...chosen, removed, latency, scores, statistic, seconds: { scoring, plan: watch() } };
  };
}

/**
 * How much of an override's own `fraction` is gone when `kept` of the target's measure is left, `final` of it at the end: under a polynomial schedule the
 * same part as of the whole cut; under others each cut takes the same part of what the last one left.
 */
function goneSoFar(fraction: number, kept: number, final: number, schedule: PruneSpec['pruning']['schedule']['type']): number {
  if (kept <= final) return fraction;
  return schedule === 'polynomial' ? (fraction * (1 - kept)) / (1 - final) : 1 - (1 - fraction) ** (Math.log(kept) / Math.log(final));
}

function unitsToChoose(
  { pruning }: Pick<ScoringSpec, 'pruning'>,
  run: Pick<Scorable, 'present'>,
): Pick<UnitChoice, 'document' | 'map' | 'groups'> {
  const document = run.present();
  const map = channelMap(document.graph);
  return { document, map, groups: groupsToCut(map, pruning).groups };
}

/** What the present model's units are worth by the job's criterion. */
export function scoredUnits(
  spec: ScoringSpec,
  run: Scorable,
  parts: ScoringParts,
): Pick<UnitChoice, 'document' | 'map' | 'groups' | 'statistic'> & { scores: Float64Array } {
  const { pruning, seed } = spec;
  // The rule's own statistic is what it is given: the union of rules does not say so to the compiler.
  const rule = criterion(pruning.criterion).units as ScoredUnits | null;
  if (rule === null) throw new Error(`${pruning.criterion.type} does not score channels`);
  const chosen = unitsToChoose(spec, run);
  const { document, map, groups } = chosen;
  parts.reporter.enter('scoring');
  const statistic = unitStatistics(rule.needs, calibrationOf(spec, run, parts, document), map, groups);
  const random = generator(seed, 'pruning', run.state.step);
  return { ...chosen, statistic, scores: unitScores(map, groups, document.weights, rule, statistic, random, scopeOf(pruning)) };
}
