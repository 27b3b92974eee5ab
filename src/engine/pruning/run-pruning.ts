/** The stages of a `prune` job: when its cuts are made, and the training between them. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import { prunableKernels, sparsityOf } from '../../pruning/masks.ts';
import { iterativeKept } from '../../pruning/schedules/iterative.ts';
import { polynomialPrunesAt, polynomialSparsity } from '../../pruning/schedules/polynomial.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { channelCutter } from './channel-cutter.ts';
import { keptAtTheEnd } from './cutter.ts';
import { weightCutter } from './weight-cutter.ts';

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
