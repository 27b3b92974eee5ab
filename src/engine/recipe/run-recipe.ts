/**
 * The stages of the recipe `smallest`: removal, training of what is left, and a search for the λ at which it is trained at a rate. Each does what a job without a
 * recipe would do (docs/recipes.md).
 */
import type { Sensitivities } from '../../jobs/spec/index.ts';
import { asStored, type ModelDocument } from '../../model/document.ts';
import { bestTried, holds, lastWeight, nextWeight } from '../../packing/rate/weight-search.ts';
import { unbeaten } from '../../pruning/unbeaten.ts';
import { pairedDrop } from '../../report/paired-drop.ts';
import { quality, type SampleScores } from '../../report/scores.ts';
import { keepBetweenRuns, resumedState } from '../between-runs.ts';
import type { StoredState } from '../checkpoint.ts';
import { outputFormats } from '../output-formats.ts';
import { runPacking } from '../packing/run-packing.ts';
import { searchesWithinDrop, searchWithinDrop } from '../pruning/accuracy-search.ts';
import { warnNeverRight } from '../pruning/never-right.ts';
import { TrainingRun, type TrainingRunParts } from '../run/index.ts';
import { type Made, trainOrCut } from '../train-or-cut.ts';
import { type Places, placesOf, type RecipeSpec, removalOf } from './places.ts';
import { stageReport } from './stage-report.ts';
import { RecipeProgress, type Trial } from './state.ts';
import { withoutUnread } from './without-unread.ts';

export interface RecipeOptions {
  /** The whole state of an interrupted job; null to begin. */
  resumed: StoredState | null;
  /** Of the plan that another job left; null where the job replays none of another's. */
  planPath: string | null | undefined;
  /** What was measured for an earlier job of what the model's groups bear; null where it is to be measured. */
  sensitivity: Sensitivities | null;
  /** Told what was measured. */
  onSensitivity(measured: Sensitivities): void;
  /** Scores of the selection split. */
  evaluated(document: ModelDocument): SampleScores;
}

/** What the stages behind the removal share. */
interface Course {
  spec: RecipeSpec;
  parts: TrainingRunParts;
  places: Places;
  evaluated: RecipeOptions['evaluated'];
  /** Of the uploaded model. */
  before: SampleScores;
  progress: RecipeProgress;
  /** Of the run that was interrupted; null where none was, or once it goes on. */
  underWay: StoredState | null;
}

/** Throws what a run throws: Problem, Cancelled, Paused. */
export async function runRecipe(spec: RecipeSpec, parts: TrainingRunParts, options: RecipeOptions): Promise<Made> {
  const { document: original, data, training } = parts;
  const { resumed, evaluated } = options;
  const places = placesOf(spec, data, training);
  const known = RecipeProgress.resumed(original, resumed);
  if (known) goOn(known, parts, places, resumedState(resumed)!.run?.step ?? 0);
  const progress = known ?? (await removed(spec, parts, options));
  const underWay = known && resumedState(resumed)!.run ? resumed : null;
  const before = evaluated(original);
  if (spec.target.max_accuracy_drop !== undefined) warnNeverRight(before, parts.reporter);
  const course: Course = { spec, parts, places, evaluated, before, progress, underWay };
  if (!known) {
    progress.state.stages.unshift(await stageReport('original', performance.now(), original, before));
    keep(course, places.fineTuning);
  }
  if (training.epochs > 0 && progress.state.fineTuning === null) await fineTune(course);
  await searchWeights(course);
  return made(course);
}

function goOn({ state }: RecipeProgress, { training, reporter }: TrainingRunParts, places: Places, step: number): void {
  const isTrained = training.epochs === 0 || state.fineTuning !== null;
  reporter.startAt(isTrained ? places.trial(state.current?.number ?? state.trials.length) : places.fineTuning);
  reporter.started(step);
}

async function removed(spec: RecipeSpec, parts: TrainingRunParts, options: RecipeOptions): Promise<RecipeProgress> {
  const began = performance.now();
  const { resumed, evaluated, planPath } = options;
  const { spec: alone, training } = removalOf(spec, parts.training);
  const own: TrainingRunParts = { ...parts, training, tuning: null, rate: null };
  const {
    document,
    cuts,
    target,
    training: summary,
  } = searchesWithinDrop(alone)
    ? await searchWithinDrop(alone, own, options)
    : await trainOrCut(alone, own, { resumed, rewindTo: null, planPath, evaluated });
  const made = asStored(document);
  const stages = [await stageReport('removal', began, made, evaluated(made))];
  const removal = { cuts, target, training: summary };
  const { config } = made;
  return new RecipeProgress(
    parts.document,
    { recipe: 'smallest', stages, removal, config, fineTuning: null, trials: [], current: null },
    made.weights,
  );
}

/** A checkpoint between two trainings, whose weights are those of the best trial so far, or what the stages have come to. */
function keep({ spec, parts, progress }: Course, step: number): void {
  const { trials } = progress.state;
  parts.reporter.startAt(step);
  const best = trials.length > 0 ? trials.indexOf(bestTried(spec.target, trials)) : null;
  keepBetweenRuns(`recipe-${step}`, progress.documentOf(best), progress.kept(), parts);
}

/** What a run of the recipe has besides what is its own. */
function partsOf({ parts, progress }: Course): TrainingRunParts {
  return { ...parts, initialOptimizer: null, tuning: null, rate: null, beside: { kept: () => progress.kept(), severalRuns: true } };
}

async function fineTune(course: Course): Promise<void> {
  const { parts, places, progress, evaluated } = course;
  const began = performance.now();
  const { underWay } = course;
  course.underWay = null;
  parts.reporter.startAt(places.fineTuning);
  const run = new TrainingRun({ ...partsOf(course), document: progress.documentOf(null) }, underWay);
  try {
    if (!underWay) run.setMasks(run.zerosThatStay());
    parts.reporter.enter('training', run.state.step);
    run.train(run.totalSteps);
    const document = asStored(run.result());
    progress.fineTuned(document);
    progress.state.fineTuning = run.summary();
    progress.state.stages.push(await stageReport('fine_tuning', began, document, evaluated(document)));
  } finally {
    run.dispose();
  }
  keep(course, places.trial(0));
}

/** Trials at one λ after another, and behind the best a training with all epochs, which has the last word only where it is better. */
async function searchWeights(course: Course): Promise<void> {
  const { spec, places, progress } = course;
  const { target, packing } = spec;
  const { state } = progress;
  const { trials } = state;
  for (let number = trials.length; number < target.trials; number++) {
    const goesOn = state.current?.number === number;
    if (!goesOn) {
      const weight = state.current ? null : nextWeight(packing.rate!.weight, target, trials);
      if (weight === null) break;
      state.current = { number, weight, from: startOf(weight, trials) };
    }
    await attempt(course, target.trial_epochs!);
    keep(course, places.trial(number + 1));
  }
  if (places.whole === 0) return;
  if (!state.current) {
    const weight = lastWeight(target, bestTried(target, trials));
    state.current = { number: target.trials, weight, from: lastStart(course, weight) };
  }
  await attempt(course, packing.tuning.epochs!);
}

/** A trial begins where one with a smaller λ has ended: what is zero there is zero with a larger one. */
function startOf(weight: number, trials: readonly Trial[]): number | null {
  let start: number | null = null;
  for (const [number, trial] of trials.entries()) {
    if (trial.weight <= weight && (start === null || trial.weight > trials[start]!.weight)) start = number;
  }
  return start;
}

/** Of the last training: the best trial, unless λ has to be smaller than its. */
function lastStart({ spec, progress }: Course, weight: number): number | null {
  const { trials } = progress.state;
  const best = bestTried(spec.target, trials);
  return weight >= best.weight ? trials.indexOf(best) : startOf(weight, trials);
}

/** Trains at the λ of the trial that is under way, so many epochs. */
async function attempt(course: Course, epochs: number): Promise<void> {
  const { spec, parts, places, evaluated, before, progress } = course;
  const { number, weight, from } = progress.state.current!;
  const began = performance.now();
  const { underWay } = course;
  course.underWay = null;
  parts.reporter.startAt(places.trial(number));
  // What was rounded before needs no noise that stands for rounding.
  const rate = { ...spec.packing.rate!, weight, ...(from === null ? {} : { noise: 0 }) };
  const tuning = { ...spec.packing.tuning, epochs };
  const own: TrainingRunParts = {
    ...partsOf(course),
    document: progress.documentOf(from),
    training: { ...parts.training, epochs: 0, max_steps: null },
    tuning,
    rate,
  };
  const run = new TrainingRun(own, underWay);
  try {
    const measure = (document: ModelDocument) => quality(evaluated(document));
    const packing = { ...spec.packing, rate, tuning };
    const format = outputFormats(spec, parts.document)[0];
    const steps = from === null ? {} : { steps: stepsOf(progress.state.trials[from]!) };
    await runPacking({ packing, run, parts: own, format, measure, ...steps });
    const document = withoutUnread(asStored(run.result()), parts.data);
    const scores = evaluated(document);
    const report = await stageReport('rate', began, document, scores);
    const { loss, error } = report.selection;
    const paired = error === null ? null : pairedDrop(before, scores);
    const trial: Trial = {
      weight,
      from,
      epochs,
      bytes: report.esp_bytes,
      error: error ?? loss.value,
      loss: loss.value,
      drop: paired?.drop ?? null,
      bound: paired ? paired.bound : 0,
      config: document.config,
      packing: run.state.packed!.report,
      training: run.summary(),
      report,
    };
    progress.tried(trial, document);
    const { state } = run;
    parts.reporter.row('prune', state.step, { trial: number, weight, esp_bytes: trial.bytes, accuracy_drop: trial.drop });
  } finally {
    run.dispose();
  }
}

/** By weight, what a trial has learned. */
function stepsOf({ packing }: Trial): Map<string, number> {
  return new Map((packing.tensors as { weight: string; step: number }[]).map(({ weight, step }) => [weight, step]));
}

function made({ spec, progress }: Course): Made {
  const { target } = spec;
  const { stages, removal, fineTuning, trials } = progress.state;
  const chosen = bestTried(target, trials);
  const number = trials.indexOf(chosen);
  const further = unbeaten(trials.map(({ bytes, error }) => [bytes, error])).filter((other) => other !== number);
  const labels = new Map([[number, 'result'], ...further.map((other): [number, string] => [other, `trial-${other + 1}`])]);
  const points = trials.map(({ weight, from, epochs, bytes, loss, drop, bound, report }, at) => ({
    weight,
    from,
    epochs,
    bytes,
    weights_kept: report.weights_kept,
    loss,
    error: report.selection.error,
    ...(drop === null ? {} : { drop, bound }),
    holds: holds(target, trials[at]!),
    seconds: report.seconds,
    chosen: at === number,
    model_label: labels.get(at) ?? null,
  }));
  const seconds = trials.reduce((sum, { report }) => sum + report.seconds, 0);
  return {
    document: progress.documentOf(number),
    cuts: removal.cuts,
    training: fineTuning ?? removal.training,
    packing: chosen.packing,
    target: {
      requested: target,
      achieved: { bytes: chosen.bytes, ...(chosen.drop === null ? {} : { accuracy_drop: chosen.drop, bound: chosen.bound }) },
      met: holds(target, chosen),
      points,
    },
    further: further.map((other) => ({ label: labels.get(other)!, document: progress.documentOf(other) })),
    recipe: {
      name: 'smallest',
      stages: [...stages, { ...chosen.report, seconds }],
      removal: removal.target,
    },
  };
}
