/** The furthest cut within a loss of accuracy: trials between two fractions, each a cut of the original and a short training behind it. */
import type { Dataset } from '../../dataset/batches.ts';
import {
  type AccuracyTarget,
  type CountedTarget,
  isAccuracyTarget,
  type PruneSpec,
  type Sensitivities,
  type Training,
} from '../../jobs/spec/index.ts';
import { asStored, type ModelDocument, type Weights } from '../../model/document.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { withConfig } from '../../model/with-layers.ts';
import { accuracyReport, bestTrial, type Trial } from '../../pruning/accuracy-report.ts';
import { type Bracket, nextKept, smallestKept, tried } from '../../pruning/bracket.ts';
import { atFractions, GUIDING, LEVELS } from '../../pruning/sensitivity.ts';
import { targetReport } from '../../pruning/target-report.ts';
import { unbeaten } from '../../pruning/unbeaten.ts';
import { pairedDrop } from '../../report/paired-drop.ts';
import { meanRight } from '../../report/right-decisions.ts';
import type { SampleScores } from '../../report/scores.ts';
import { BESIDE, keepBetweenRuns, resumedState } from '../between-runs.ts';
import type { StoredArray, StoredState } from '../checkpoint.ts';
import { outputFormats } from '../output-formats.ts';
import { TrainingRun, type TrainingRunParts, totalStepsOf } from '../run/index.ts';
import type { Made } from '../train-or-cut.ts';
import { guidedBy } from './guidance.ts';
import { isGuided, measuredGroups, measureSensitivity, scoresOnSamples } from './measure-sensitivity.ts';
import { warnNeverRight } from './never-right.ts';
import { runPruning } from './run-pruning.ts';
import { withCountedTarget } from './targets.ts';

/** What is done so far, as checkpoints keep it beside the run of the trial that is under way. */
interface SearchState {
  sensitivity: Sensitivities | null;
  /** Whether it was measured for an earlier job. */
  known: boolean;
  bracket: Bracket;
  /** Finished ones, in their order. */
  trials: Trial[];
  /** The one under way: its number, and the fraction it is cut to; null between trials. */
  current: { number: number; asked: number } | null;
}

export interface SearchOptions {
  /** The whole state of an interrupted search; null to begin. */
  resumed: StoredState | null;
  /** What was measured for an earlier job; null where it is to be measured. */
  sensitivity: Sensitivities | null;
  /** Told what was measured. */
  onSensitivity(measured: Sensitivities): void;
  /** Scores of the selection split. */
  evaluated(document: ModelDocument): SampleScores;
}

export type AccuracySpec = PruneSpec & { pruning: { target: Required<AccuracyTarget> } };

/** Whether the job is one of a search within a loss of accuracy. */
export function searchesWithinDrop(spec: PruneSpec): spec is AccuracySpec {
  return isAccuracyTarget(spec.pruning.target);
}

/** Steps of the whole search. A finished trial counts as one: what is reported behind it is told from what comes next. */
export function searchSteps({ pruning: { target } }: AccuracySpec, data: Dataset, training: Training): number {
  const { trial, whole } = stepsOf(target, data, training);
  return 1 + target.trials * (trial + 1) + whole;
}

/** Of each trial, and of the training of the best with all epochs: 0 where trials had them. */
function stepsOf({ trial_epochs: epochs }: Required<AccuracyTarget>, data: Dataset, training: Training) {
  const trial = totalStepsOf(data, { ...training, epochs });
  return { trial, whole: training.epochs > epochs ? totalStepsOf(data, training) : 0 };
}

/** Throws what a run throws: Problem, Cancelled, Paused. */
export async function searchWithinDrop(spec: AccuracySpec, parts: TrainingRunParts, options: SearchOptions): Promise<Made> {
  const { document: original, data, training, reporter } = parts;
  const { target } = spec.pruning;
  const steps = stepsOf(target, data, training);
  const beginsAt = (number: number): number => 1 + number * (steps.trial + 1);
  const { resumed } = options;
  const stored = resumedState<SearchState>(resumed);
  const state: SearchState = stored?.beside ?? {
    sensitivity: null,
    known: false,
    bracket: { low: smallestKept(trialSpec(spec, 1), original.graph), high: 1 },
    trials: [],
    current: null,
  };
  const weights: Weights[] = state.trials.map((_, number) => arraysOf(resumed!.arrays, number));
  const documentOf = (number: number): ModelDocument => withConfig(original, state.trials[number]!.config, weights[number]!);
  const arrays = (): Map<string, StoredArray> =>
    new Map(weights.flatMap((own, number) => [...own].map(([key, weight]) => [`${number}/${key}`, weight])));
  /** A checkpoint between two trials, whose weights are the best so far's. */
  const keep = (step: number): void => {
    const best = state.trials.length > 0 ? documentOf(state.trials.indexOf(bestTrial(state.trials))) : original;
    keepBetweenRuns(`search-${step}`, best, { state, arrays: arrays() }, parts);
  };

  const before = state.current ? beginsAt(state.current.number) : state.trials.length * (steps.trial + 1);
  reporter.startAt(before);
  reporter.started(stored ? (stored.run?.step ?? 0) : null);
  const first = options.evaluated(original);
  warnNeverRight(first, reporter);
  if (!stored && isGuided(spec)) {
    reporter.startAt(0);
    const fractions = LEVELS[spec.pruning.structure.type === 'channels' ? 'units' : 'weights'];
    const names = measuredGroups(spec, original.graph).map(({ name }) => name);
    const before = options.sensitivity && atFractions(options.sensitivity, names, fractions);
    state.known = before !== null;
    if (before) {
      state.sensitivity = before;
    } else {
      const all = measured(spec, parts, options.sensitivity, fractions);
      state.sensitivity = atFractions(all, names, fractions);
      options.onSensitivity(all);
      keep(0);
    }
  }

  const countedReport = (asked: number, made: ModelDocument) =>
    targetReport(trialSpec(spec, asked).pruning, original, made, { bytes: { original: 1, result: 1 }, latency: null });

  /** One cut and what is trained behind it. */
  const make = async (number: number, asked: number, epochs: number, under: StoredState | null): Promise<void> => {
    state.current = { number, asked };
    reporter.startAt(beginsAt(number));
    const beside = { kept: () => ({ state, arrays: arrays() }), severalRuns: true };
    const own: TrainingRunParts = { ...parts, training: { ...training, epochs }, beside };
    const cut = await withCountedTarget(trialSpec(spec, asked), original);
    const guidance = state.sensitivity && guidedBy(state.sensitivity, cut);
    const run = new TrainingRun(own, under);
    try {
      await runPruning(cut, run, own, { resumed: under !== null, plan: null, rewindTo: null, guidance });
      const made = asStored(run.result());
      const scores = options.evaluated(made);
      const counted = countedReport(asked, made).achieved[target.measure]!;
      const kept = target.measure === 'sparsity' ? 1 - counted : counted;
      const paired = pairedDrop(first, scores);
      state.trials.push({
        asked,
        kept,
        epochs,
        accuracy: meanRight(scores),
        ...paired,
        holds: paired.bound <= target.max_accuracy_drop,
        bytes: await fileBytes(made, outputFormats(spec, original)[0]),
        config: made.config,
        cuts: run.state.cuts,
        training: run.summary(),
      });
      weights.push(made.weights);
      state.current = null;
      const { drop, bound } = paired;
      reporter.row('prune', run.totalSteps, { trial: number, kept, accuracy_drop: drop, accuracy_drop_bound: bound });
      reporter.startAt(beginsAt(number) + run.totalSteps);
    } finally {
      run.dispose();
    }
  };
  const underWay = state.current;
  const under = underWay ? resumed : null;
  for (let number = state.trials.length; number < target.trials; number++) {
    const asked = underWay?.number === number ? underWay.asked : nextKept(state.bracket);
    if (asked === null || (underWay && underWay.number > number)) break;
    await make(number, asked, target.trial_epochs, underWay?.number === number ? under : null);
    state.bracket = tried(state.bracket, state.trials.at(-1)!);
    keep(beginsAt(number) + steps.trial);
  }
  // Training with all epochs may win back what the best trial lost, and has the last word only where it does.
  if (steps.whole > 0) {
    const asked = underWay?.number === target.trials ? underWay.asked : bestTrial(state.trials).asked;
    await make(target.trials, asked, training.epochs, underWay?.number === target.trials ? under : null);
  }

  const chosen = bestTrial(state.trials);
  const index = state.trials.indexOf(chosen);
  const document = documentOf(index);
  const further = unbeaten(state.trials.map(({ kept, drop }) => [kept, drop])).filter((number) => number !== index);
  const labels = new Map([[index, 'result'], ...further.map((number): [number, string] => [number, `trial-${number + 1}`])]);
  const { layers } = countedReport(chosen.asked, document);
  const untouched = { samples: first.right.length, accuracy: meanRight(first) };
  return {
    document,
    cuts: chosen.cuts,
    training: chosen.training,
    packing: null,
    target: { ...accuracyReport(target, untouched, state.trials, chosen, labels), sensitivity: sensitivityOf(state), layers },
    further: further.map((number) => ({ label: labels.get(number)!, document: documentOf(number) })),
  };
}

function trialSpec(spec: AccuracySpec, kept: number): PruneSpec {
  const { measure } = spec.pruning.target;
  const target = { [measure]: measure === 'sparsity' ? 1 - kept : kept } as unknown as CountedTarget;
  return { ...spec, pruning: { ...spec.pruning, target } };
}

function measured(spec: AccuracySpec, parts: TrainingRunParts, known: Sensitivities | null, fractions: readonly number[]): Sensitivities {
  const run = new TrainingRun(parts);
  try {
    const { loss, checkCancelled: cancelled } = run;
    return measureSensitivity(spec, run, parts, {
      fractions,
      known,
      scores: scoresOnSamples({ ...GUIDING, data: parts.data, seed: spec.seed, loss, cancelled }),
    });
  } finally {
    run.dispose();
  }
}

function sensitivityOf({ sensitivity, known }: SearchState) {
  if (!sensitivity) return null;
  return { known, loss: sensitivity.loss, groups: sensitivity.groups.map(({ layers, levels }) => ({ layers, levels })) };
}

/** The weights of a finished trial. */
function arraysOf(arrays: ReadonlyMap<string, StoredArray>, number: number): Weights {
  const prefix = `${BESIDE}${number}/`;
  return new Map(
    [...arrays]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { shape, data }]) => [name.slice(prefix.length), { shape, data: data as Float32Array<ArrayBuffer> }]),
  );
}
