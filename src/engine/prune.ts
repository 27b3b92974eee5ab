/** The cuts of a `prune` job: when they are made, what they remove, and the proof that what is left is the same network. */
import { epochOrder } from '../dataset/batches.ts';
import { Problem } from '../errors.ts';
import type { LayerSelection, PruneSpec } from '../jobs/spec/index.ts';
import { totalMacs } from '../model/costs.ts';
import type { ModelDocument } from '../model/document.ts';
import { allocate, selectableGroups } from '../pruning/allocation.ts';
import { type Criterion, criterion } from '../pruning/criteria/index.ts';
import { channelMap } from '../pruning/groups.ts';
import { chooseMasks, prunableKernels, sparsityOf } from '../pruning/masks.ts';
import { iterativeKept } from '../pruning/schedules/iterative.ts';
import { polynomialPrunesAt, polynomialSparsity } from '../pruning/schedules/polynomial.ts';
import { unitScores } from '../pruning/scores.ts';
import { macsWithout, removeUnits } from '../pruning/surgery.ts';
import { generator } from '../random.ts';
import { makeBatch } from './batch.ts';
import { type Calibration, gateStatistics, weightStatistics } from './calibration.ts';
import { proveRemoval } from './proof.ts';
import { tf } from './tensorflow.ts';
import type { TrainingRun, TrainingRunParts } from './training-run.ts';

const PROOF_INPUTS = 64;

/** Runs every stage of the job that is not done yet: cut, prove, train. */
export function runPruning(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts, resumed: boolean): void {
  const { schedule } = spec.pruning;
  const rounds = schedule.type === 'iterative' ? schedule.rounds : 1;
  const cutter = spec.pruning.structure.type === 'channels' ? channelCutter(spec, run, parts) : weightCutter(spec, run, parts, resumed);
  for (let stage = run.state.stage; stage < rounds; stage++) {
    const cutIsMade = resumed && stage === run.state.stage;
    run.state.stage = stage;
    if (!cutIsMade && schedule.type !== 'polynomial') cutter(iterativeKept(stage + 1, rounds, keptAtTheEnd(spec)));
    parts.reporter.enter('training', run.state.step);
    const end = Math.round((run.totalSteps * (stage + 1)) / rounds);
    if (schedule.type !== 'polynomial') {
      run.train(end);
      continue;
    }
    const initial = sparsityOf(prunableKernels(parts.document.graph, spec.pruning.layers), parts.document.weights);
    const plan = { ...schedule, initial, final: 1 - keptAtTheEnd(spec), totalSteps: run.totalSteps };
    const afterStep = (done: number): void => {
      if (polynomialPrunesAt(done, plan)) cutter(1 - polynomialSparsity(done, plan));
    };
    // Training may end early once all is cut.
    run.train(end, { afterStep, mayStop: (done) => done >= Math.floor(schedule.end * run.totalSteps) });
  }
}

function keptAtTheEnd({ pruning: { target } }: PruneSpec): number {
  return 'macs' in target ? target.macs : 1 - target.sparsity;
}

type Cutter = (kept: number) => void;

function weightCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts, resumed: boolean): Cutter {
  const { pruning, seed } = spec;
  const rule = criterion(pruning.criterion);
  const kernels = prunableKernels(run.present().graph, pruning.layers);
  // Where a run is resumed, what is zero may be so by training, and masks are in its checkpoint. Every kernel that may be cut has a mask from the start: a
  // step that is captured with masks takes others without being captured again.
  if (!resumed) {
    const ones = kernels.map(({ key, count }): [string, Uint8Array] => [key, new Uint8Array(count).fill(1)]);
    run.setMasks(new Map([...ones, ...run.zerosThatStay()]));
  }
  const final = keptAtTheEnd(spec);
  const progress = (kept: number): number => (kept === final || final === 1 ? 1 : (1 - kept) / (1 - final));
  return (kept) => {
    const document = run.present();
    const statistics =
      rule.weightStatistic === null
        ? null
        : weightStatistics(
            calibration(spec, run, parts, document),
            kernels.map((kernel) => kernel.key),
            rule.weightStatistic,
          );
    const scores = new Map(
      kernels.map(({ key }) => {
        const random = generator(seed, 'pruning', run.state.step, key);
        return [key, rule.weightScores(document.weights.get(key)!, statistics?.get(key) ?? null, random)];
      }),
    );
    const chosen = chooseMasks(kernels, scores, run.presentMasks(), {
      sparsity: 1 - kept,
      scope: pruning.scope,
      overrides: scaledOverrides(pruning.layers.overrides, (fraction) => fraction * progress(kept)),
    });
    run.setMasks(new Map([...run.presentMasks(), ...chosen]));
    run.forgetBest();
    const weights = run.presentWeights();
    const achieved = sparsityOf(kernels, new Map(kernels.map(({ key }) => [key, weights.value(key)])));
    run.state.cuts.push({ step: run.state.step, sparsity: achieved });
    parts.reporter.row('prune', run.state.step, { sparsity: achieved });
  };
}

/** The overrides as they are at one cut of several. */
function scaledOverrides(overrides: LayerSelection['overrides'], scale: (fraction: number) => number): LayerSelection['overrides'] {
  return Object.fromEntries(
    Object.entries(overrides).map(([layer, { sparsity }]) => [layer, sparsity === undefined ? {} : { sparsity: scale(sparsity) }]),
  );
}

function channelCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Cutter {
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
    const gates = rule.gateStatistic === null ? null : gateStatistics(calibration(spec, run, parts, document), map, rule.gateStatistic);
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
    const proof = prove(document, smaller, map, removed, parts);
    const units = groups.map((group) => ({
      layers: group.layers,
      before: group.units.length,
      after: group.units.reduce((count, unit) => count + (removed[unit] ? 0 : 1), 0),
    }));
    run.replaceDocument(smaller);
    run.setMasks(run.zerosThatStay());
    run.state.cuts.push({ step: run.state.step, macs, units, proof });
    parts.reporter.row('prune', run.state.step, { macs, removed_units: removed.reduce((sum, gone) => sum + gone, 0) });
  };
}

function prove(
  document: ModelDocument,
  smaller: ModelDocument,
  map: ReturnType<typeof channelMap>,
  removed: Uint8Array,
  parts: TrainingRunParts,
): ReturnType<typeof proveRemoval> {
  const positions = epochOrder(parts.seed, -2, parts.data.split('train').size).subarray(0, PROOF_INPUTS);
  const { x, y } = makeBatch(parts.data, document.graph, 'train', positions);
  try {
    const proof = proveRemoval(document, smaller, map, removed, [x]);
    if (!proof.holds) {
      throw new Problem(
        'REMOVAL_PROOF_FAILED',
        `The smaller model differs from the original with the removed units silenced by ${proof.relative_difference.toExponential(2)}; at most ${proof.tolerance.toExponential(2)} is rounding. Nothing was exported. This is a fault of the service.`,
      );
    }
    if (proof.vacuous) {
      parts.reporter.warn(
        'PROOF_VACUOUS',
        `The model's outputs are constant over ${proof.inputs} probe inputs: their agreement proves nothing.`,
      );
    }
    return proof;
  } finally {
    tf.dispose([x, y]);
  }
}

function calibration(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts, document: ModelDocument): Calibration {
  const { criterion: chosen } = spec.pruning;
  if (!('calibration_batches' in chosen)) throw new Error(`The criterion ${chosen.type} takes no calibration`);
  return {
    graph: document.graph,
    weights: run.presentWeights(),
    loss: run.loss,
    data: parts.data,
    seed: spec.seed,
    batches: chosen.calibration_batches,
    batchSize: chosen.calibration_batch_size,
    cancelled: run.checkCancelled,
  };
}
