/** Measures what the model loses when each group of units, or each kernel, is cut alone: without training, every cut one of the untouched model. */
import type { Dataset } from '../../dataset/batches.ts';
import type { SplitName } from '../../dataset/facts.ts';
import type { PruneSpec, Sensitivities, Sensitivity } from '../../jobs/spec/index.ts';
import { type ModelDocument, withWeights } from '../../model/document.ts';
import type { Graph } from '../../model/graph.ts';
import { groupsToCut, kernelsToCut } from '../../pruning/candidates.ts';
import { scopeOf } from '../../pruning/cells.ts';
import { criterion, type InverseHessian, type SolvedWeights } from '../../pruning/criteria/index.ts';
import { channelMap } from '../../pruning/groups.ts';
import { matrixOrder, type PrunableKernel, unitCount } from '../../pruning/kernels.ts';
import { countsAt } from '../../pruning/sensitivity.ts';
import { removeUnits } from '../../pruning/surgery.ts';
import { countOf } from '../../pruning/zeros.ts';
import { generator } from '../../random.ts';
import { meanInterval } from '../../report/intervals.ts';
import { taskOf } from '../../report/metrics/index.ts';
import { meanRight } from '../../report/right-decisions.ts';
import { withDrawnSamples } from '../drawn-samples.ts';
import { evaluate, predictorOf } from '../evaluate.ts';
import type { Loss } from '../losses.ts';
import { Variables } from '../variables.ts';
import { calibrationOf, type Scorable, type ScoringParts, type ScoringSpec } from './calibration-of.ts';
import { type Calibration, fisherBlock, forEachProducts, inverseHessian } from './statistics/index.ts';
import { scoredUnits } from './unit-choice.ts';
import { scoredWeights } from './weight-cutter.ts';

/** Whether cuts are shared out by sensitivity: where the scope leaves open what each layer gives. */
export function isGuided({ pruning }: PruneSpec): boolean {
  return scopeOf(pruning) === 'global';
}

/** The groups or kernels whose cuts are measured, and how many units or weights each has. Nothing is scored. */
export function measuredGroups({ pruning }: Pick<ScoringSpec, 'pruning'>, graph: Graph): { name: string; count: number }[] {
  return pruning.structure.type === 'channels'
    ? groupsToCut(channelMap(graph), pruning).groups.map(({ key, units }) => ({ name: key, count: units.length }))
    : kernelsToCut(graph, pruning).kernels.map(({ key, count }) => ({ name: key, count }));
}

/** What a model comes to on the samples that cuts are measured on; the accuracy is null where it decides nothing. */
export interface SensitivityScores {
  loss: number;
  accuracy: number | null;
}

/** Measures models on so many samples of a split, the same each time. `cancelled` is called before each batch and may throw. */
export function scoresOnSamples(options: {
  data: Dataset;
  split: SplitName;
  samples: number;
  seed: number;
  loss: Loss;
  cancelled: () => void;
}): (document: ModelDocument) => SensitivityScores {
  const { split, samples, seed, loss, cancelled } = options;
  const data = withDrawnSamples(options.data, split, samples, seed);
  return ({ graph, weights: values }) => {
    const weights = Variables.from(values);
    try {
      const predict = predictorOf(graph, (key) => weights.read(key), data, loss);
      const { losses, right } = evaluate(predict, graph, data, split, loss, { metrics: [], top_k: 1 }, cancelled);
      const decides = taskOf(loss.name, graph.outputs[0]!.shape, data.facts.y?.classes ?? null).decisions !== null;
      return {
        loss: bounded(meanInterval(losses).value),
        accuracy: decides ? meanRight({ right }) : null,
      };
    } finally {
      weights.dispose();
    }
  };
}

const WORST = 1e30;

/** A loss that overflows is as bad as one can be. */
const bounded = (loss: number): number => (Number.isFinite(loss) ? Math.min(loss, WORST) : WORST);

export interface SensitivityOptions {
  /** How much of a group or kernel is cut, from 0 to 1; each is rounded to whole units or weights. */
  fractions: readonly number[];
  /** What was measured before, in the same way: it is not measured again. */
  known: Sensitivities | null;
  scores(document: ModelDocument): SensitivityScores;
  /** Called with each level, in their order, and what is measured so far, with all that was known; may throw. */
  onLevel?(level: MeasuredLevel, measured: Sensitivities): void;
}

export interface MeasuredLevel extends SensitivityScores {
  /** The number of the group or kernel. */
  group: number;
  removed: number;
  /** Whether it was measured before. */
  known: boolean;
}

/** What the groups or kernels of a model bear at the fractions, and all that was known. */
export function measureSensitivity(
  spec: ScoringSpec,
  run: Scorable,
  parts: ScoringParts,
  { fractions, known, scores, onLevel }: SensitivityOptions,
): Sensitivities {
  const { loss, accuracy } = known ?? scores(run.present());
  const cuts = spec.pruning.structure.type === 'channels' ? unitCuts(spec, run, parts) : weightCuts(spec, run, parts);
  const before = new Map(known?.groups.map((group) => [group.name, group]));
  const own = new Set(cuts.map(({ name }) => name));
  const measured: Sensitivities = {
    loss,
    accuracy,
    groups: [
      ...cuts.map(({ name, layers, count }) => before.get(name) ?? { name, layers, count, levels: [] }),
      ...(known?.groups.filter(({ name }) => !own.has(name)) ?? []),
    ],
  };
  for (const [number, { count, cutTo }] of cuts.entries()) {
    for (const gone of countsAt(fractions, count)) {
      const group = measured.groups[number]!;
      const found = group.levels.find(({ removed }) => removed === gone / count);
      const level = found ?? levelOf(gone / count, scores(cutTo(gone)), loss);
      if (!found) {
        const levels = [...group.levels, level].sort((a, b) => a.removed - b.removed);
        measured.groups[number] = { ...group, levels };
      }
      const { removed, rise, accuracy: left } = level;
      onLevel?.({ group: number, removed, loss: loss + rise, accuracy: left, known: found !== undefined }, measured);
    }
  }
  return measured;
}

function levelOf(removed: number, { loss, accuracy }: SensitivityScores, whole: number): Sensitivity['levels'][number] {
  return { removed, rise: loss - whole, accuracy };
}

interface OwnCut {
  name: string;
  layers: string[];
  /** Of its units or weights. */
  count: number;
  /** The model without so many of them, the lowest scores first. */
  cutTo(gone: number): ModelDocument;
}

function unitCuts(spec: ScoringSpec, run: Scorable, parts: ScoringParts): OwnCut[] {
  const { document, map, groups, scores } = scoredUnits(spec, run, parts);
  return groups.map(({ key, layers, units }) => {
    const ranking = [...units].sort((a, b) => scores[a]! - scores[b]! || a - b);
    return {
      name: key,
      layers,
      count: units.length,
      cutTo(gone) {
        const removed = new Uint8Array(map.unitCount);
        for (const unit of ranking.slice(0, gone)) removed[unit] = 1;
        return removeUnits(document, map, removed);
      },
    };
  });
}

function weightCuts(spec: ScoringSpec, run: Scorable, parts: ScoringParts): OwnCut[] {
  const { pruning, seed } = spec;
  const document = run.present();
  const { weights } = document;
  const { kernels } = kernelsToCut(document.graph, pruning);
  const rule = criterion(pruning.criterion).weights;
  if (rule === null) throw new Error(`${pruning.criterion.type} does not score single weights`);
  if ('solve' in rule)
    return solvedCuts(rule as SolvedWeights<'inverse_hessian'>, document, kernels, calibrationOf(spec, run, parts, document));
  const block = fisherBlock(pruning.criterion.type === 'woodfisher' ? pruning.criterion.block_size : 1, countOf(kernels));
  parts.reporter.enter('scoring');
  const random = (key: string) => generator(seed, 'pruning', run.state.step, key);
  const { scores } = scoredWeights(rule, calibrationOf(spec, run, parts, document), kernels, weights, { block, random });
  return kernels.map((kernel) => {
    const { key, layer, count } = kernel;
    const own = rule.unitwise ? ranksInUnits(kernel, scores.get(key)!) : scores.get(key)!;
    const ranking = Uint32Array.from(own.keys()).sort((a, b) => own[a]! - own[b]! || a - b);
    return {
      name: key,
      layers: [layer],
      count,
      cutTo(gone) {
        const { shape, data } = weights.get(key)!;
        const cut = data.slice();
        for (const index of ranking.subarray(0, gone)) cut[index] = 0;
        return withWeights(document, new Map([...weights, [key, { shape, data: cut }]]));
      },
    };
  });
}

/** Cuts by a criterion that chooses weights and makes up for them in one. The statistic of one kernel is held at a time. */
function solvedCuts(
  { solve }: SolvedWeights<'inverse_hessian'>,
  document: ModelDocument,
  kernels: readonly PrunableKernel[],
  calibration: Calibration,
): OwnCut[] {
  const { weights } = document;
  let held: { key: string; statistic: InverseHessian } | null = null;
  const statisticOf = (kernel: PrunableKernel): InverseHessian => {
    if (held?.key !== kernel.key) {
      forEachProducts(calibration, [kernel], (_, products) => {
        held = { key: kernel.key, statistic: inverseHessian(products) };
      });
    }
    return held!.statistic;
  };
  return kernels.map((kernel) => {
    const { key, layer, count } = kernel;
    return {
      name: key,
      layers: [layer],
      count,
      cutTo(gone) {
        const weight = weights.get(key)!;
        const asked = { structure: { type: 'unstructured' as const }, sparsity: gone / count, zeros: gone };
        const made = solve(weight, null, asked, statisticOf(kernel), kernel);
        const data = Float32Array.from(made.weight, (value) => value + 0);
        return withWeights(document, new Map([...weights, [key, { shape: weight.shape, data }]]));
      },
    };
  });
}

/** Each weight's place among those of its output unit, from 0: scores that are compared within units alone then go out evenly. Float32, in the weight's order. */
function ranksInUnits(kernel: PrunableKernel, scores: Float32Array): Float32Array {
  const [units, order] = [unitCount(kernel), matrixOrder(kernel)];
  const ranks = new Float32Array(scores.length);
  for (let unit = 0; unit < units; unit++) {
    const own = Array.from({ length: order.length / units }, (_, input) => order[input * units + unit]!);
    own.sort((a, b) => scores[a]! - scores[b]! || a - b);
    for (const [rank, index] of own.entries()) ranks[index] = rank;
  }
  return ranks;
}
