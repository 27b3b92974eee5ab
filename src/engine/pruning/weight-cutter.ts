/** Cuts that set single weights to zero. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import { criterion } from '../../pruning/criteria/index.ts';
import { chooseMasks, prunableKernels, sparsityOf } from '../../pruning/masks.ts';
import { generator } from '../../random.ts';
import { weightStatistics } from '../calibration.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { calibrationOf } from './calibration-of.ts';
import { type Cutter, keptAtTheEnd, scaledOverrides } from './cutter.ts';

export function weightCutter(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts, resumed: boolean): Cutter {
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
            calibrationOf(spec, run, parts, document),
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
    run.recordCut({ sparsity: achieved }, { sparsity: achieved });
  };
}
