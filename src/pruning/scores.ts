/** Scores of units, comparable as the scope asks. */
import type { Weights } from '../model/document.ts';
import { weightKey } from '../model/graph.ts';
import type { Generator } from '../random.ts';
import type { ResolvedScope } from './cells.ts';
import type { ScoredUnits, UnitNeed, UnitStatistics } from './criteria/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';

/**
 * The score of every unit of the groups, by unit number (zero elsewhere). Where the criterion is normalised, each group's scores are divided by their
 * mean, so that groups can be compared. In the scope `isomorphic` a score is the unit's rank among the units of all groups of the same build, from 0 to 1:
 * compared globally, each build then gives the same fraction (Fang 2024).
 */
export function unitScores<Need extends UnitNeed>(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  weights: Weights,
  rule: ScoredUnits<Need>,
  statistic: UnitStatistics[Need],
  random: Generator,
  scope: ResolvedScope = 'global',
): Float64Array {
  const scores = new Float64Array(map.unitCount);
  for (const group of groups) {
    const own = rule.scores(group, statistic, { map, weights, random });
    const mean = own.reduce((sum, score) => sum + score, 0) / own.length;
    const scale = rule.normalised && mean > 0 ? mean : 1;
    for (const [index, unit] of group.units.entries()) scores[unit] = own[index]! / scale;
  }
  if (scope === 'isomorphic') rankByBuild(map, groups, scores);
  return scores;
}

function rankByBuild(map: ChannelMap, groups: readonly ChannelGroup[], scores: Float64Array): void {
  for (const alike of Map.groupBy(groups, (group) => buildOf(map, group)).values()) {
    const units = alike.flatMap((group) => [...group.units]).sort((a, b) => scores[a]! - scores[b]! || a - b);
    for (const [rank, unit] of units.entries()) scores[unit] = rank / units.length;
  }
}

/** What a group is made of, whatever its sizes: the classes, weights and axes that follow its units, and the windows of kernels. */
export function buildOf(map: ChannelMap, group: ChannelGroup): string {
  const own = new Set(group.units);
  const parts = map.graph.layers.flatMap((layer) =>
    layer.weights.flatMap(({ name, shape, role, axes }) =>
      (map.bindings.get(weightKey(layer, name)) ?? [])
        .filter(({ units }) => units.some((unit) => own.has(unit)))
        .map(({ axis }) => {
          const window = role === 'kernel' ? shape.filter((_, index) => index !== axes?.input && index !== axes?.output) : [];
          return `${layer.className} ${name} ${axis} [${window.join(', ')}]`;
        }),
    ),
  );
  return parts.sort().join('; ');
}
