/** Measures how much the loss rises when each group of units, or each kernel, is cut alone: without training, on samples of the training split. */
import type { PruneSpec, Sensitivities, Sensitivity } from '../../jobs/spec/index.ts';
import { type ModelDocument, withWeights } from '../../model/document.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import { scopeOf } from '../../pruning/cells.ts';
import { criterion } from '../../pruning/criteria/index.ts';
import { LEVELS } from '../../pruning/sensitivity.ts';
import { removeUnits } from '../../pruning/surgery.ts';
import { countOf } from '../../pruning/zeros.ts';
import { generator } from '../../random.ts';
import type { TrainingRun, TrainingRunParts } from '../training-run.ts';
import { calibrationOf } from './calibration-of.ts';
import { onSamples } from './on-samples.ts';
import { calibrationLoss, fisherBlock } from './statistics/index.ts';
import { scoredUnits } from './unit-choice.ts';
import { scoredWeights } from './weight-cutter.ts';

const SAMPLES = 512;

/** Whether cuts are shared out by sensitivity: where the scope leaves open what each layer gives. */
export function isGuided({ pruning }: PruneSpec): boolean {
  return scopeOf(pruning) === 'global';
}

/** What the groups or kernels of the present model bear. */
export function measureSensitivity(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): Sensitivities {
  const lossOf = (document: ModelDocument): number => {
    parts.reporter.enter('scoring');
    return bounded(onSamples(document, SAMPLES, run, parts, calibrationLoss));
  };
  const loss = lossOf(run.present());
  const cuts = spec.pruning.structure.type === 'channels' ? unitCuts(spec, run, parts) : weightCuts(spec, run, parts);
  const groups = cuts.map(({ name, layers, count, levels, cutTo }): Sensitivity => {
    const counts = [...new Set(levels.map((level) => Math.round(level * count)))].filter((gone) => gone > 0 && gone < count);
    return { name, layers, levels: counts.map((gone) => ({ removed: gone / count, rise: lossOf(cutTo(gone)) - loss })) };
  });
  return { loss, groups };
}

const WORST = 1e30;

/** A loss that overflows is as bad as one can be. */
const bounded = (loss: number): number => (Number.isFinite(loss) ? loss : WORST);

interface OwnCut {
  name: string;
  layers: string[];
  /** Of its units or weights. */
  count: number;
  levels: readonly number[];
  /** The model without so many of them, the lowest scores first. */
  cutTo(gone: number): ModelDocument;
}

function unitCuts(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): OwnCut[] {
  const { document, map, groups, scores } = scoredUnits(spec, run, parts);
  return groups.map(({ key, layers, units }) => {
    const ranking = [...units].sort((a, b) => scores[a]! - scores[b]! || a - b);
    return {
      name: key,
      layers,
      count: units.length,
      levels: LEVELS.units,
      cutTo(gone) {
        const removed = new Uint8Array(map.unitCount);
        for (const unit of ranking.slice(0, gone)) removed[unit] = 1;
        return removeUnits(document, map, removed);
      },
    };
  });
}

function weightCuts(spec: PruneSpec, run: TrainingRun, parts: TrainingRunParts): OwnCut[] {
  const { pruning, seed } = spec;
  const document = run.present();
  const { weights } = document;
  const { kernels } = kernelsToCut(document.graph, pruning);
  const rule = criterion(pruning.criterion).weights;
  if (rule === null || 'solve' in rule) throw new Error(`${pruning.criterion.type} does not score single weights`);
  const block = fisherBlock(pruning.criterion.type === 'woodfisher' ? pruning.criterion.block_size : 1, countOf(kernels));
  parts.reporter.enter('scoring');
  const random = (key: string) => generator(seed, 'pruning', run.state.step, key);
  const { scores } = scoredWeights(rule, calibrationOf(spec, run, parts, document), kernels, weights, { block, random });
  return kernels.map(({ key, layer, count }) => {
    const own = scores.get(key)!;
    const ranking = Uint32Array.from(own.keys()).sort((a, b) => own[a]! - own[b]! || a - b);
    return {
      name: key,
      layers: [layer],
      count,
      levels: LEVELS.weights,
      cutTo(gone) {
        const { shape, data } = weights.get(key)!;
        const cut = data.slice();
        for (const index of ranking.subarray(0, gone)) cut[index] = 0;
        return withWeights(document, new Map([...weights, [key, { shape, data: cut }]]));
      },
    };
  });
}
