/** Two models on the test split: their scores, and the checks after compression. */
import type { Dataset } from '../dataset/batches.ts';
import { imageForm } from '../dataset/image-form.ts';
import type { Evaluation, Robustness, Training } from '../jobs/spec/index.ts';
import type { ModelDocument } from '../model/document.ts';
import { generator } from '../random.ts';
import { type Checks, makeChecks } from '../report/checks/checks.ts';
import { mostChanged } from '../report/checks/most-changed.ts';
import type { PairedSamples } from '../report/checks/paired-samples.ts';
import type { SampleScores } from '../report/scores.ts';
import { inputShape } from './batch.ts';
import { Cancelled } from './cancelled.ts';
import { evaluateBoth, predictorOf } from './evaluate.ts';
import type { Loss } from './losses.ts';
import type { Reporter } from './reporter.ts';
import { attackBatchSize, attackedModel } from './robustness/attacked-model.ts';
import { changedInputs } from './robustness/changed-inputs.ts';
import { type MeasuredImages, measureRobustness } from './robustness/measure.ts';
import { type PixelScale, pixelScale } from './robustness/pixels.ts';
import { measureSaliency } from './robustness/saliency.ts';
import { Variables } from './variables.ts';

export interface CheckedParts {
  data: Dataset;
  loss: Loss;
  asked: Pick<Training, 'metrics' | 'top_k'>;
  evaluation: Evaluation;
  seed: number;
  reporter: Reporter;
  /** Called between batches; may throw. */
  checkCancelled(): void;
}

export interface CheckedModels {
  scores: { original: SampleScores; result: SampleScores };
  checks: Checks;
}

interface HeldModel {
  document: ModelDocument;
  variables: Variables;
}

/** Measures both. Throws what `checkCancelled` throws. */
export function checkBoth(original: ModelDocument, result: ModelDocument, parts: CheckedParts): CheckedModels {
  const { data, loss, asked, evaluation, seed, checkCancelled } = parts;
  const held = { original: hold(original), result: hold(result) };
  const predicting = ({ document: { graph }, variables }: HeldModel) => ({
    graph,
    predict: predictorOf(graph, (key) => variables.read(key), data, loss),
  });
  try {
    const models = { original: predicting(held.original), result: predicting(held.result) };
    const tested = evaluateBoth(models, data, 'test', loss, asked, checkCancelled);
    const further = measureImages(held, tested.paired, parts);
    // A job that was posted before there were thresholds says nothing.
    const checks = makeChecks(tested.paired, tested, { seed, thresholds: evaluation.thresholds ?? null, ...further });
    return { scores: { original: tested.original, result: tested.result }, checks };
  } finally {
    for (const { variables } of Object.values(held)) variables.dispose();
  }
}

function hold(document: ModelDocument): HeldModel {
  return { document, variables: Variables.from(document.weights) };
}

type Further = Pick<Checks, 'robustness' | 'saliency' | 'most_changed'>;

/** What is measured on images, as far as it was asked for; the samples that changed most in any case. */
function measureImages(held: Record<'original' | 'result', HeldModel>, paired: PairedSamples, parts: CheckedParts): Further {
  const { data, evaluation, reporter } = parts;
  const { graph } = held.original.document;
  const form = imageForm(data.facts, graph.inputs[0]!.shape);
  const scale = form && pixelScale(data.facts, form);
  const asked = evaluation.robustness ?? null;
  if (asked === true) throw new Error('robustness is still true; it is resolved when the job is posted');
  const changed = mostChanged(paired);
  // Numbers have no labels, and are only looked into.
  const labels = paired.kind === 'classes' ? paired.labels : paired.kind === 'numbers' ? null : undefined;
  if (asked && scale && labels !== undefined) {
    try {
      return attacked(held, scale, labels, asked, parts, changed);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      // The model is made and measured: what could not be measured besides is no reason to lose it.
      reporter.warn('ROBUSTNESS_NOT_MEASURED', `Robustness could not be measured: ${(error as Error).message}`);
    }
  }
  return { robustness: null, saliency: null, most_changed: changedInputs(changed, data, scale, null) };
}

function attacked(
  held: Record<'original' | 'result', HeldModel>,
  scale: PixelScale,
  labels: Int32Array | null,
  asked: Robustness,
  { data, seed, reporter, checkCancelled }: CheckedParts,
  changed: ReturnType<typeof mostChanged>,
): Further {
  const { size } = data.split('test');
  const order = generator(seed, 'robustness').permutation(size);
  const batch = attackBatchSize([held.original.document.graph, held.result.document.graph], Math.min(size, asked.inputs));
  const modelOf = ({ document: { graph }, variables }: HeldModel) => {
    const model = attackedModel(graph, variables, scale, { batch, sample: inputShape(graph, data.facts.x.shape) });
    if (model.fallback) reporter.warn('STEP_NOT_CAPTURED', `Attacks run operation by operation: ${model.fallback}`);
    return model;
  };
  const pair = { original: modelOf(held.original), result: modelOf(held.result) };
  const imagesOf = (count: number): MeasuredImages => ({
    data,
    scale,
    // In the order of the split, in which files are read.
    places: order.slice(0, count).sort(),
    labels: labels ?? new Int32Array(size),
    batch,
    goesOn() {
      checkCancelled();
      reporter.goesOn();
    },
  });
  try {
    const { original } = held;
    const weights = { graph: original.document.graph, variables: original.variables };
    const maps = asked.saliency_inputs > 0;
    // A job that was posted before there was any says nothing.
    const smoothing = asked.saliency_smoothing ?? null;
    const task = labels ? ('classes' as const) : ('numbers' as const);
    const looked = imagesOf(Math.min(size, asked.inputs, asked.saliency_inputs));
    return {
      robustness: labels && measureRobustness(pair, imagesOf(Math.min(size, asked.inputs)), asked, seed),
      saliency: maps ? measureSaliency(pair, looked, weights, { seed, smoothing, task }) : null,
      most_changed: changedInputs(changed, data, scale, maps ? { pair, batch, smoothing, seed } : null),
    };
  } finally {
    pair.original.dispose();
    pair.result.dispose();
  }
}
