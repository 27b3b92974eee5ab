/** Dynamic Network Surgery as a stage of training: masks move both ways until all is cut to the target. */
import type { PruneSpec, PruningScheduleOf } from '../../jobs/spec/index.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import { type Masks, sparsityOf } from '../../pruning/masks.ts';
import { deviationThreshold, quantileThreshold, spliced, surgeryProbability } from '../../pruning/schedules/dynamic.ts';
import { polynomialPrunesAt, polynomialSpan, polynomialSparsity } from '../../pruning/schedules/polynomial.ts';
import { joined } from '../../pruning/slices.ts';
import { unstructuredMasks } from '../../pruning/structures/unstructured.ts';
import { planZeros, zerosOptions } from '../../pruning/zeros.ts';
import { generator } from '../../random.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { keptAtTheEnd, scaledOverrides } from './cutter.ts';
import type { Stage } from './stages.ts';

export function dynamicSurgery(spec: PruneSpec, schedule: PruningScheduleOf<'dynamic'>, run: TrainingRun, parts: TrainingRunParts): Stage {
  const { pruning, seed } = spec;
  const { graph, weights: uploaded } = parts.document;
  const { kernels } = kernelsToCut(graph, pruning);
  const final = 1 - keptAtTheEnd(spec);
  const plan = { ...schedule, initial: sparsityOf(kernels, uploaded), final, totalSteps: run.totalSteps };
  const [first, last] = polynomialSpan(plan);
  const locked = run.lockedZeros();

  const magnitudes = (): Map<string, Float32Array> => {
    const weights = run.presentWeights();
    return new Map(kernels.map(({ key }) => [key, weights.value(key).data.map(Math.abs)]));
  };
  /** By weight key. */
  const thresholds = (done: number, sizes: ReadonlyMap<string, Float32Array>): Map<string, number> => {
    const { deviations } = schedule;
    if (deviations !== null) return new Map(kernels.map(({ key }) => [key, deviationThreshold(uploaded.get(key)!.data, deviations)]));
    const sparsity = polynomialSparsity(done, plan);
    const progress = final === 0 ? 1 : sparsity / final;
    const pools = planZeros(kernels, {
      ...zerosOptions(pruning, sparsity),
      overrides: scaledOverrides(pruning.layers.overrides, (fraction) => fraction * progress),
    });
    return new Map(
      pools.flatMap(({ kernels: together, zeros }) => {
        const threshold = quantileThreshold(joined(together.map(({ key }) => sizes.get(key)!)), zeros);
        return together.map(({ key }): [string, number] => [key, threshold]);
      }),
    );
  };
  const operate = (done: number): void => {
    const sizes = magnitudes();
    const limits = thresholds(done, sizes);
    let [left, returned, zeros, count] = [0, 0, 0, 0];
    const masks: Masks = new Map(run.presentMasks());
    for (const { key } of kernels) {
      const before = masks.get(key)!;
      const after = spliced(before, sizes.get(key)!, limits.get(key)!, locked.get(key));
      for (const [index, lives] of after.entries()) {
        if (lives && !before[index]) returned++;
        if (!lives && before[index]) left++;
        if (!lives) zeros++;
      }
      count += after.length;
      masks.set(key, after);
    }
    run.setMasks(masks);
    run.masksMoved();
    run.forgetBest();
    parts.reporter.row('prune', done, { sparsity: zeros / count, left, returned });
  };
  /** Cuts the smallest, to exactly the target, for good. */
  const conclude = (): void => {
    const chosen = unstructuredMasks(kernels, magnitudes(), locked, zerosOptions(pruning, final));
    run.setMasks(new Map([...run.presentMasks(), ...chosen]));
    run.settle();
    run.forgetBest();
    const weights = run.presentWeights();
    const sparsity = sparsityOf(kernels, new Map(kernels.map(({ key }) => [key, weights.value(key)])));
    run.recordCut({ sparsity }, { sparsity });
  };
  return {
    begin: () => run.setMasking('surgery'),
    end: run.totalSteps,
    between: {
      afterStep: (done) => {
        if (done === last) return conclude();
        if (!polynomialPrunesAt(done, plan)) return;
        if (generator(seed, 'surgery', done).uniform() < surgeryProbability(done - first, schedule.gamma)) operate(done);
      },
      mayStop: (done) => done >= last,
    },
  };
}
