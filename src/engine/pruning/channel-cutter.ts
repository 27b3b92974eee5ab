/** Cuts that remove whole units and filters. */
import { measureOf, type Plan, type PruneSpec } from '../../jobs/spec/index.ts';
import { totalMacs } from '../../model/costs.ts';
import type { Contributions } from '../../pruning/criteria/index.ts';
import type { LatencyTable } from '../../pruning/latency-table.ts';
import { rescaled } from '../../pruning/rescale.ts';
import { macsWithout, removeUnits, unitsKept } from '../../pruning/surgery.ts';
import type { CutUnits } from '../../report/units-removed.ts';
import { proveRemoval } from '../proof.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { type Cutter, keptAtTheEnd } from './cutter.ts';
import type { Guidance } from './guidance.ts';
import { compensate } from './make-up.ts';
import { proveCut } from './prove-cut.ts';
import { stopwatch } from './stopwatch.ts';
import { type UnitChoice, unitChooser } from './unit-choice.ts';

export function channelCutter(
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
  plan: Plan | null,
  shared: { guidance: Guidance | null; table: LatencyTable | null },
): Cutter {
  const choose = unitChooser(spec, run, parts, plan, shared);
  const { criterion, compensation } = spec.pruning;
  const final = keptAtTheEnd(spec);
  const rescales = criterion.type === 'reconstruction';
  // What a cut was counted to leave would be exceeded by biases that come behind it.
  const { measure } = measureOf(spec.pruning.target);
  const countsWeights = measure === 'parameters' || measure === 'bytes';
  return async (kept) => {
    const choice = await choose(kept);
    const { document, map, removed, latency, statistic } = choice;
    // A step of a schedule that is less than any unit: what follows makes up for it.
    if (kept > final && !removed.includes(1)) return;
    const watch = stopwatch();
    const smaller = removeUnits(document, map, removed);
    const macs = totalMacs(smaller.graph);
    if (macs !== macsWithout(map, removed))
      throw new Error(`The cut was planned to leave ${macsWithout(map, removed)} MACs and left ${macs}`);
    const surgery = watch();
    const proof = proveCut(document, parts, 'the removed units silenced', (inputs) =>
      proveRemoval(document, smaller, map, removed, inputs),
    );
    const seconds = { ...choice.seconds, surgery, proof: watch() };
    // The proof is of the cut alone; what makes up for it comes after.
    const finished = rescales ? removeUnits(rescaled(document, map, statistic as Contributions, removed), map, removed) : smaller;
    const madeUp = compensation === 'mean' ? compensate({ document, map, removed, smaller }, run, parts, !countsWeights) : null;
    run.replaceDocument(madeUp?.document ?? finished, (earlier) => removeUnits(earlier, map, removed));
    run.setMasks(run.zerosThatStay());
    run.recordCut(
      {
        macs,
        units: unitsLeft(choice),
        unit_scores: unitScoresOf(choice),
        proof,
        seconds,
        ...(latency ? { latency } : {}),
        ...(madeUp ? { compensation: madeUp.report } : {}),
      },
      { macs, removed_units: removed.reduce((sum, gone) => sum + gone, 0) },
    );
  };
}

/** What the result's list of units is made of; it is no part of the cut's own entry there. */
export function unitScoresOf({ groups, removed, scores }: UnitChoice): CutUnits[] {
  return groups.map(({ key, layers, kind, units }) => ({
    key,
    layers,
    kind,
    before: units.length,
    removed: [...units].flatMap((unit, place) => (removed[unit] ? [place] : [])),
    // As many digits as anybody reads.
    scores: scores && Array.from(units, (unit) => Number(scores[unit]!.toPrecision(5))),
  }));
}

/** How many units each group had and has, as the result lists them. */
export function unitsLeft({ groups, removed }: UnitChoice): { layers: string[]; before: number; after: number }[] {
  return groups.map((group) => ({
    layers: group.layers,
    before: group.units.length,
    after: unitsKept(group.units, removed),
  }));
}
