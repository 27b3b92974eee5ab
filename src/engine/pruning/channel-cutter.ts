/** Cuts that remove whole units and filters. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import { totalMacs } from '../../model/costs.ts';
import { groupsToCut } from '../../pruning/candidates.ts';
import { scopeOf } from '../../pruning/cells.ts';
import { type Contributions, criterion, type ScoredUnits } from '../../pruning/criteria/index.ts';
import { type ChannelGroup, channelMap } from '../../pruning/groups.ts';
import { rescaled } from '../../pruning/rescale.ts';
import { unitScores } from '../../pruning/scores.ts';
import { macsWithout, removeUnits } from '../../pruning/surgery.ts';
import { generator } from '../../random.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { calibrationOf } from './calibration-of.ts';
import { chooseUnits } from './choose-units.ts';
import { type Cutter, scaledOverrides } from './cutter.ts';
import { proveCut } from './prove-cut.ts';
import { unitStatistics } from './statistics/index.ts';

export function channelCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Cutter {
  const { pruning, seed } = spec;
  const { structure } = pruning;
  const rounds = pruning.schedule.type === 'iterative' ? pruning.schedule.rounds : 1;
  if (structure.type !== 'channels') throw new Error('Channels are cut by a structure of type channels');
  // The rule's own statistic is what it is given: the union of rules does not say so to the compiler.
  const rule = criterion(pruning.criterion).units as ScoredUnits | null;
  if (rule === null) throw new Error(`${pruning.criterion.type} does not score channels`);
  const scope = scopeOf(pruning);
  // Rounds that each gave their part of a group would go beyond its max_ratio together.
  const before = new Map(channelMap(parts.document.graph).groups.map((group) => [group.key, group.units.length]));
  return async (kept) => {
    const document = run.present();
    const map = channelMap(document.graph);
    const { groups } = groupsToCut(map, pruning);
    parts.reporter.enter('scoring');
    const statistic = unitStatistics(rule.needs, calibrationOf(spec, run, parts, document), map, groups);
    const scores = unitScores(map, groups, document.weights, rule, statistic, generator(seed, 'pruning', run.state.step), scope);
    parts.reporter.enter('pruning');
    const limits = {
      ...structure,
      // Scores of the scope isomorphic are ranks, which are compared globally.
      scope: scope === 'layer' ? ('layer' as const) : ('global' as const),
      // Each round takes the same fraction of what the last one left.
      overrides: scaledOverrides(pruning.layers.overrides, (fraction) => 1 - (1 - fraction) ** (1 / rounds)),
      before: (group: ChannelGroup) => before.get(group.key),
    };
    const removed = await chooseUnits({ document, map, groups, scores, limits, kept }, spec, parts);
    const smaller = removeUnits(document, map, removed);
    const macs = totalMacs(smaller.graph);
    if (macs !== macsWithout(map, removed))
      throw new Error(`The cut was planned to leave ${macsWithout(map, removed)} MACs and left ${macs}`);
    const proof = proveCut(document, smaller, map, removed, parts);
    const units = groups.map((group) => ({
      layers: group.layers,
      before: group.units.length,
      after: group.units.reduce((count, unit) => count + (removed[unit] ? 0 : 1), 0),
    }));
    // The proof is of the cut alone; what makes up for it comes after.
    const finished =
      rule.needs === 'contributions' ? removeUnits(rescaled(document, map, statistic as Contributions, removed), map, removed) : smaller;
    run.replaceDocument(finished);
    run.setMasks(run.zerosThatStay());
    run.recordCut({ macs, units, proof }, { macs, removed_units: removed.reduce((sum, gone) => sum + gone, 0) });
  };
}
