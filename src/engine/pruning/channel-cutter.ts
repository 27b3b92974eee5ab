/** Cuts that remove whole units and filters. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import { totalMacs } from '../../model/costs.ts';
import { allocate, selectableGroups } from '../../pruning/allocation.ts';
import { type Criterion, criterion } from '../../pruning/criteria/index.ts';
import { channelMap } from '../../pruning/groups.ts';
import { unitScores } from '../../pruning/scores.ts';
import { macsWithout, removeUnits } from '../../pruning/surgery.ts';
import { generator } from '../../random.ts';
import { gateStatistics } from '../calibration.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { calibrationOf } from './calibration-of.ts';
import { type Cutter, scaledOverrides } from './cutter.ts';
import { proveCut } from './prove-cut.ts';

export function channelCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Cutter {
  const { pruning, seed } = spec;
  const { structure } = pruning;
  const rounds = pruning.schedule.type === 'iterative' ? pruning.schedule.rounds : 1;
  if (structure.type !== 'channels') throw new Error('Channels are cut by a structure of type channels');
  const rule: Criterion = criterion(pruning.criterion);
  const originalMacs = totalMacs(parts.document.graph);
  return (kept) => {
    const document = run.present();
    const map = channelMap(document.graph);
    const groups = selectableGroups(map, pruning.layers);
    parts.reporter.enter('scoring');
    const gates = rule.gateStatistic === null ? null : gateStatistics(calibrationOf(spec, run, parts, document), map, rule.gateStatistic);
    const scores = unitScores(map, groups, document.weights, gates, rule, generator(seed, 'pruning', run.state.step));
    parts.reporter.enter('pruning');
    const removed = allocate(map, groups, scores, {
      ...structure,
      macs: kept * originalMacs,
      scope: pruning.scope,
      // Each round takes the same fraction of what the last one left.
      overrides: scaledOverrides(pruning.layers.overrides, (fraction) => 1 - (1 - fraction) ** (1 / rounds)),
    });
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
    run.replaceDocument(smaller);
    run.setMasks(run.zerosThatStay());
    run.recordCut({ macs, units, proof }, { macs, removed_units: removed.reduce((sum, gone) => sum + gone, 0) });
  };
}
