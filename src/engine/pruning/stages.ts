/** The stages of each schedule: stretches of the training of a `prune` job, most of them behind a cut. */
import { makesZeros, type PruneSpec } from '../../jobs/spec/index.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import { sparsityOf } from '../../pruning/masks.ts';
import { iterativeKept } from '../../pruning/schedules/iterative.ts';
import { polynomialCuts, polynomialPrunesAt, polynomialSpan, polynomialSparsity } from '../../pruning/schedules/polynomial.ts';
import type { BetweenSteps, TrainingRun, TrainingRunParts } from '../run/index.ts';
import { type Cutter, keptAtTheEnd } from './cutter.ts';
import { dynamicSurgery } from './dynamic-surgery.ts';
import { regrowth } from './regrowth.ts';
import { denseTraining, rewound } from './rewinding.ts';

export interface Stage {
  /** What comes before its first step; not repeated when the job is resumed inside the stage. */
  begin?: () => void | Promise<void>;
  /** Steps done when it ends. */
  end: number;
  between?: BetweenSteps;
}

/** The stages of the job's schedule, in their order. */
export function stagesOf(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts, cut: Cutter): Stage[] {
  const { schedule } = spec.pruning;
  const { totalSteps } = run;
  const final = keptAtTheEnd(spec);
  /** Movements are scored from the first step, and afresh in a model of other shapes. */
  const score = (): void => {
    if (spec.pruning.criterion.type !== 'movement') return;
    const channels = !makesZeros(spec.pruning.structure);
    const { graph } = run.present();
    const keys = (channels ? prunableKernels(graph, { exclude: [] }) : kernelsToCut(graph, spec.pruning).kernels).map(({ key }) => key);
    run.scoreMovements(keys, channels ? 'final' : 'shadow');
  };
  const cutAndGoOn = (kept: number, isLast: boolean): void | Promise<void> => {
    const goOn = (): void => {
      if (isLast) run.settle();
      else if (!makesZeros(spec.pruning.structure)) score();
    };
    // Weights are cut at once, between two steps; of channels files may be written first.
    const made = cut(kept);
    return made ? made.then(goOn) : goOn();
  };
  switch (schedule.type) {
    case 'one_shot':
    case 'iterative': {
      const rounds = schedule.type === 'iterative' ? schedule.rounds : 1;
      const warm = Math.round(schedule.begin * totalSteps);
      const stages = Array.from({ length: rounds }, (_, round): Stage => {
        const kept = iterativeKept(round + 1, rounds, final);
        return {
          begin: () => cutAndGoOn(kept, round === rounds - 1),
          end: warm + Math.round(((totalSteps - warm) * (round + 1)) / rounds),
        };
      });
      return warm > 0 ? [{ begin: score, end: warm, between: { mayStop: () => false } }, ...stages] : stages;
    }
    case 'rewind':
    case 'lr_rewind': {
      const { rounds } = schedule;
      const dense = Math.round(schedule.begin * totalSteps);
      const first = denseTraining(schedule, run, dense, score);
      const cuts = Array.from({ length: rounds }, (_, round): Stage => {
        const end = dense + Math.round(((totalSteps - dense) * (round + 1)) / rounds);
        return {
          async begin() {
            await cutAndGoOn(iterativeKept(round + 1, rounds, final), round === rounds - 1);
            rewound(schedule, run, end, dense);
          },
          end,
        };
      });
      return first ? [first, ...cuts] : cuts;
    }
    case 'polynomial': {
      if (!makesZeros(spec.pruning.structure)) {
        // What is removed changes the step's shapes, so that every cut begins a stage.
        const cuts = polynomialCuts({ ...schedule, totalSteps });
        return [
          { begin: score, end: cuts[0]!.step, between: { mayStop: () => false } },
          ...cuts.map(({ part }, index): Stage => {
            const next = cuts[index + 1];
            return {
              begin: () => cutAndGoOn(1 - (1 - final) * part, !next),
              end: next?.step ?? totalSteps,
              ...(next ? { between: { mayStop: () => false } } : {}),
            };
          }),
        ];
      }
      const initial = sparsityOf(kernelsToCut(parts.document.graph, spec.pruning).kernels, parts.document.weights);
      const plan = { ...schedule, initial, final: 1 - final, totalSteps };
      const afterStep = (done: number): void => {
        if (polynomialPrunesAt(done, plan)) void cutAndGoOn(1 - polynomialSparsity(done, plan), done === polynomialSpan(plan)[1]);
      };
      // Training may end early once all is cut.
      return [{ begin: score, end: totalSteps, between: { afterStep, mayStop: (done) => done >= Math.floor(schedule.end * totalSteps) } }];
    }
    case 'dynamic':
      return [dynamicSurgery(spec, schedule, run, parts)];
    case 'rigl':
      return [{ begin: () => cut(final), end: totalSteps, between: regrowth(spec, schedule, run, parts) }];
  }
}
