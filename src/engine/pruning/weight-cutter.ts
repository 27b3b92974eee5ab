/** Cuts that set single weights to zero, alone or in patterns and blocks. */
import { makesZeros, type Plan, type PruneSpec, type WeightStructure } from '../../jobs/spec/index.ts';
import type { Weights } from '../../model/document.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import { type Criterion, criterion, type ScoredWeights, type SolvedWeights, type WeightNeed } from '../../pruning/criteria/index.ts';
import { type PrunableKernel, prunableKernels } from '../../pruning/kernels.ts';
import { chooseMasks, type Masks, sparsityOf } from '../../pruning/masks.ts';
import { plannedMasks } from '../../pruning/plan.ts';
import { checkWholeBlocks } from '../../pruning/structures/block.ts';
import { countOf, planZeros, type ZerosOptions, zerosOptions } from '../../pruning/zeros.ts';
import { generator } from '../../random.ts';
import type { WeightsRemoved } from '../../report/weights-removed.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { calibrationOf } from './calibration-of.ts';
import { type Cutter, keptAtTheEnd, scaledOverrides } from './cutter.ts';
import type { Guidance } from './guidance.ts';
import { type Calibration, fisherBlock, forEachProducts, inverseHessian, weightStatistics } from './statistics/index.ts';
import { stopwatch } from './stopwatch.ts';
import { weightsTold } from './weights-told.ts';

type Rule = NonNullable<Criterion['weights']>;

/** Masks to put on, and weights that a criterion has moved to make up for those that go. */
interface Cut {
  masks: Masks;
  weights: Weights;
  /** What was compared, by weight key; null where nothing was. */
  scores: ReadonlyMap<string, Float32Array> | null;
}

export function weightCutter(
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
  resumed: boolean,
  plan: Plan | null,
  guidance: Guidance | null = null,
): Cutter {
  const { pruning, seed } = spec;
  const { structure } = pruning;
  const rule = criterion(pruning.criterion).weights;
  if (!makesZeros(structure)) throw new Error(`No weights are cut by ${structure.type}`);
  const { kernels } = kernelsToCut(run.present().graph, pruning);
  const fisher = pruning.criterion.type === 'woodfisher' ? pruning.criterion.block_size : 1;
  const block = fisherBlock(fisher, countOf(kernels));
  if (block < fisher) {
    parts.reporter.warn(
      'FISHER_BLOCK_SMALLER',
      `The Fisher matrix has blocks of ${block} weights, not ${fisher}: more do not fit into memory.`,
    );
  }
  // Where a run is resumed, what is zero may be so by training, and masks are in its checkpoint. Every kernel that may be cut has a mask from the start: a
  // step that is captured with masks takes others without being captured again.
  if (!resumed) {
    const ones = kernels.map(({ key, count }): [string, Uint8Array] => [key, new Uint8Array(count).fill(1)]);
    run.setMasks(new Map([...ones, ...run.zerosThatStay()]));
  }
  const final = keptAtTheEnd(spec);
  const progress = (kept: number): number => (kept === final || final === 1 ? 1 : (1 - kept) / (1 - final));
  const optionsAt = (kept: number): ZerosOptions => ({
    ...zerosOptions(pruning, 1 - kept),
    overrides: scaledOverrides(pruning.layers.overrides, (fraction) => fraction * progress(kept)),
  });
  const watch = stopwatch();
  const seconds = { scoring: 0, plan: 0, surgery: 0 };
  /** Puts a cut on, scored at the present weights. */
  const cutTo = (by: Rule, kept: number, iteration: number): void => {
    watch();
    const document = run.present();
    const calibration = calibrationOf(spec, run, parts, document);
    const random = (key: string) => generator(seed, 'pruning', run.state.step, ...(iteration === 0 ? [] : [iteration]), key);
    const asked = {
      structure,
      kernels,
      present: run.state.masking === 'final' ? run.presentMasks() : run.lockedZeros(),
      options: optionsAt(kept),
      weights: document.weights,
    };
    const scoredAt = (): void => {
      seconds.scoring += watch();
    };
    const cut = 'solve' in by ? solved(by, calibration, asked) : scored(by, calibration, asked, { block, random, scoredAt, guidance });
    put(cut);
    if (kept === final && iteration === 0) tell(cut, asked.present);
  };
  /** Of the cut that comes to the target: a schedule may make hundreds before. */
  let told: WeightsRemoved | null = null;
  const tell = ({ masks, scores }: Cut, present: Masks): void => {
    told = weightsTold(structure, kernels, { scores, present, masks });
  };
  const put = (cut: Cut): void => {
    seconds.plan += watch();
    if (cut.weights.size > 0) run.replaceWeights(cut.weights);
    run.setMasks(new Map([...run.presentMasks(), ...cut.masks]));
    seconds.surgery += watch();
  };
  /** Puts the masks of a plan on; what is zero already stays so. */
  const cutAsPlanned = (of: Plan): void => {
    watch();
    const { graph, weights } = run.present();
    const masks = plannedMasks(prunableKernels(graph, { exclude: [] }), kernels, of, pruning);
    for (const kernel of kernels) {
      const mask = masks.get(kernel.key)!;
      if (structure.type === 'block') checkWholeBlocks(kernel, mask, weights.get(kernel.key)!.data, structure);
      const present = run.presentMasks().get(kernel.key);
      if (present) for (const [index, lives] of present.entries()) if (!lives) mask[index] = 0;
    }
    const cut = { masks, weights: new Map(), scores: null };
    put(cut);
    tell(cut, new Map());
  };
  const cutByScores = (kept: number): void => {
    if (rule === null) throw new Error(`${pruning.criterion.type} does not cut ${structure.type}`);
    const iterations = 'solve' in rule ? 1 : (rule.iterations ?? 1);
    // Each iteration keeps the same fraction of what the last left (Tanaka 2020).
    const before = iterations > 1 ? 1 - sparsityOf(kernels, run.present().weights) : 1;
    for (let done = 1; done <= iterations; done++) {
      const here = done === iterations ? kept : Math.max(kept, before * (kept / before) ** (done / iterations));
      cutTo(rule, here, done === iterations ? 0 : done);
    }
  };
  return (kept) => {
    Object.assign(seconds, { scoring: 0, plan: 0, surgery: 0 });
    if (plan) cutAsPlanned(plan);
    else cutByScores(kept);
    run.forgetBest();
    const achieved = sparsityOf(kernels, run.present().weights);
    run.recordCut({ sparsity: achieved, ...(told ? { weight_scores: told } : {}), seconds: { ...seconds } }, { sparsity: achieved });
  };
}

interface Asked {
  structure: WeightStructure;
  kernels: readonly PrunableKernel[];
  present: Masks;
  options: ZerosOptions;
  weights: Weights;
}

interface Scoring {
  /** Of the Fisher matrix. */
  block: number;
  random: (key: string) => ReturnType<typeof generator>;
}

/** What each weight of the kernels is worth by a criterion, and the statistics that says it by. */
export function scoredWeights(
  rule: Exclude<Rule, { solve: unknown }>,
  calibration: Calibration,
  kernels: readonly PrunableKernel[],
  weights: Weights,
  { block, random }: Scoring,
) {
  // The rule's own statistic is what it is given: the union of rules does not say so to the compiler.
  const { needs, scores: score, normalised } = rule as ScoredWeights<Exclude<WeightNeed, 'inverse_hessian'>>;
  const statistics = weightStatistics(needs, calibration, kernels, block);
  const scores = new Map(
    kernels.map((kernel) => {
      const { key } = kernel;
      return [key, score(weights.get(key)!, statistics.get(key)!, kernel, random(key))];
    }),
  );
  if (normalised) divideBySum(scores);
  return { scores, statistics };
}

/** A cut by scores. */
function scored(
  rule: Exclude<Rule, { solve: unknown }>,
  calibration: Calibration,
  { structure, kernels, present, options, weights }: Asked,
  { block, random, scoredAt, guidance }: Scoring & { scoredAt: () => void; guidance: Guidance | null },
): Cut {
  const { compensated, unitwise } = rule as ScoredWeights<Exclude<WeightNeed, 'inverse_hessian'>>;
  const { scores, statistics } = scoredWeights(rule, calibration, kernels, weights, { block, random });
  scoredAt();
  const compared = guidance ? guidance.weights(scores) : scores;
  const masks = chooseMasks(structure, kernels, compared, present, options, unitwise);
  const moved: Weights = new Map();
  if (compensated) {
    for (const { key } of kernels) {
      const { shape } = weights.get(key)!;
      moved.set(key, { shape, data: asWeight(compensated(weights.get(key)!, masks.get(key)!, statistics.get(key)!)) });
    }
  }
  return { masks, weights: moved, scores: compared };
}

/** A cut by a criterion that chooses masks and moves weights in one, kernel by kernel. */
function solved(
  rule: Extract<Rule, { solve: unknown }>,
  calibration: Calibration,
  { structure, kernels, present, options, weights }: Asked,
): Cut {
  const { needs, solve } = rule as SolvedWeights<'inverse_hessian'>;
  if (needs !== 'inverse_hessian') throw new Error(`No kernel is solved by ${needs}`);
  const zeros = new Map(planZeros(kernels, options).map((plan) => [plan.kernels[0]!.key, plan.zeros]));
  const scores = new Map<string, Float32Array>();
  const cut: Cut = { masks: new Map(), weights: new Map(), scores };
  forEachProducts(calibration, kernels, (kernel, products) => {
    const { key } = kernel;
    const asked = { structure, sparsity: options.sparsity, zeros: zeros.get(key)! };
    const made = solve(weights.get(key)!, present.get(key) ?? null, asked, inverseHessian(products), kernel);
    cut.masks.set(key, made.mask);
    scores.set(key, made.scores);
    cut.weights.set(key, { shape: weights.get(key)!.shape, data: asWeight(made.weight) });
  });
  return cut;
}

/** The numbers of a weight; -0 becomes +0. */
function asWeight(values: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(values, (value) => value + 0);
}

function divideBySum(scores: Map<string, Float32Array>): void {
  let sum = 0;
  for (const values of scores.values()) for (const value of values) sum += value;
  if (sum > 0) for (const values of scores.values()) for (let index = 0; index < values.length; index++) values[index]! /= sum;
}
