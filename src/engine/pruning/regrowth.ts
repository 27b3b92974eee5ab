/** Weights that change places while a network of fixed sparsity trains (RigL). */
import type { PruneSpec, PruningScheduleOf } from '../../jobs/spec/index.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import type { Masks } from '../../pruning/masks.ts';
import { regrown, regrowsAt, regrowthFraction } from '../../pruning/schedules/rigl.ts';
import type { BetweenSteps, TrainingRun, TrainingRunParts } from '../run/index.ts';

export function regrowth(
  { pruning }: PruneSpec,
  schedule: PruningScheduleOf<'rigl'>,
  run: TrainingRun,
  { document: { graph }, reporter }: TrainingRunParts,
): BetweenSteps {
  const { kernels } = kernelsToCut(graph, pruning);
  const last = Math.floor(schedule.end * run.totalSteps);
  const locked = run.lockedZeros();
  return {
    afterStep(done) {
      if (!regrowsAt(done, last, schedule.every_steps)) return;
      const fraction = regrowthFraction(done, last, schedule.fraction);
      const gradients = run.presentGradients();
      const weights = run.presentWeights();
      const masks: Masks = new Map(run.presentMasks());
      let moved = 0;
      for (const kernel of kernels) {
        const { key } = kernel;
        const before = masks.get(key)!;
        const gradient = gradients.get(key);
        // A frozen kernel has none, and learns nothing in a new place either.
        if (!gradient) continue;
        const after = regrown(
          kernel,
          { weights: weights.value(key).data, gradients: gradient, mask: before, locked: locked.get(key) },
          fraction,
        );
        moved += after.reduce((count, lives, index) => count + (lives && !before[index] ? 1 : 0), 0);
        masks.set(key, after);
      }
      run.setMasks(masks);
      run.masksMoved();
      run.forgetBest();
      reporter.row('prune', done, { moved, moved_fraction: fraction });
    },
    mayStop: (done) => done >= last,
  };
}
