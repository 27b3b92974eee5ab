/** What a job would remove, without removing it. */
import { makesZeros, type Plan, type PruneSpec } from '../../jobs/spec/index.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import { planOfUnits, planOfZeros } from '../../pruning/plan.ts';
import { macsWithout } from '../../pruning/surgery.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { unitScoresOf, unitsLeft } from './channel-cutter.ts';
import { keptAtTheEnd } from './cutter.ts';
import { timeGroups, timesGroups } from './time-calls.ts';
import { unitChooser } from './unit-choice.ts';
import { weightCutter } from './weight-cutter.ts';

/** The plan, and its entry in the result. `spec` is that of its cuts. Throws Problem TARGET_OUT_OF_REACH. */
export async function planOnly(
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
  modelSha256: string,
): Promise<{ plan: Plan; cut: Record<string, unknown> }> {
  const { pruning } = spec;
  const kept = keptAtTheEnd(spec);
  if (pruning.structure.type === 'channels') {
    const choice = await unitChooser(spec, run, parts, null, { guidance: null, table: timesGroups(spec) ? timeGroups(spec, parts) : null })(
      kept,
    );
    const { map, groups, removed, latency, scores, seconds } = choice;
    const plan = planOfUnits(map, groups, removed, scores!, modelSha256);
    const told = { units: unitsLeft(choice), unit_scores: unitScoresOf(choice) };
    return { plan, cut: { step: 0, macs: macsWithout(map, removed), ...told, seconds, ...(latency ? { latency } : {}) } };
  }
  const { structure } = pruning;
  if (!makesZeros(structure)) throw new Error(`A plan of ${structure.type} was let through`);
  // Masks go on a model that is thrown away: iterations are scored on what the last left.
  parts.reporter.enter('scoring');
  await weightCutter(spec, run, parts, false, null)(kept);
  const { kernels } = kernelsToCut(parts.document.graph, pruning);
  const { seconds, ...cut } = run.state.cuts[0]!;
  const { scoring, plan } = seconds as { scoring: number; plan: number };
  return { plan: planOfZeros(structure, kernels, run.presentMasks(), modelSha256), cut: { ...cut, seconds: { scoring, plan } } };
}
