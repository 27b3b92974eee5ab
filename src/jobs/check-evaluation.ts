/** What is to be measured beyond the test split's own samples; thresholds that nothing could be held against are refused with the POST. */
import type { DatasetFacts } from '../dataset/facts.ts';
import { taskOf } from '../report/metrics/index.ts';
import { resolveRobustness } from './check-robustness.ts';
import type { CheckedModel } from './check-training.ts';
import { refuse } from './refuse.ts';
import type { Evaluation, LossName, Robustness, Thresholds } from './spec/index.ts';

/** What a threshold needs of the data and the model; the others need a test split alone. */
const NEEDS: Partial<Record<keyof Thresholds, 'accuracy' | 'decisions' | 'one class' | 'probabilities'>> = {
  max_accuracy_drop: 'accuracy',
  max_flip_rate: 'decisions',
  max_negative_flip_rate: 'decisions',
  max_class_recall_drop: 'one class',
  max_ece_increase: 'probabilities',
  max_divergence: 'probabilities',
};

const MISSING = {
  accuracy: 'a model that is trained with a cross-entropy',
  decisions: 'a model that decides between classes',
  'one class': 'a model that decides for one class a sample',
  probabilities: 'a model that decides for one class a sample and is trained with a cross-entropy',
} as const;

/** Thresholds of what `robustness` measures, and what it must ask for. */
const ASKED: Partial<Record<keyof Thresholds, { missing(robustness: Robustness | null): boolean; accepted: string }>> = {
  max_robust_accuracy_drop: { missing: (asked) => !asked || asked.attacks.length === 0, accepted: 'attacks' },
  max_corrupted_accuracy_drop: { missing: (asked) => !asked || asked.corruptions.length === 0, accepted: 'corruptions' },
  min_saliency_agreement: { missing: (asked) => !asked || asked.saliency_inputs === 0, accepted: 'saliency_inputs' },
};

/** With `robustness` resolved. `loss` is resolved; `models` are the original and what else is measured. Throws Problem INCOMPATIBLE_OPTIONS. */
export async function checkEvaluation(
  evaluation: Evaluation,
  loss: LossName,
  models: readonly [CheckedModel, ...CheckedModel[]],
  dataset: DatasetFacts,
): Promise<Evaluation> {
  const { thresholds } = evaluation;
  if (thresholds && dataset.splits.test === 0) {
    const detail = 'Thresholds are held against what is measured on the test split, and the data set has none. Accepted: null.';
    refuse('INCOMPATIBLE_OPTIONS', '/evaluation/thresholds', detail, thresholds);
  }
  const outputs = models[0].facts.outputs[0]!.shape.slice(1);
  const task = taskOf(loss, outputs, dataset.y?.classes ?? null);
  const single =
    (task.decisions === 'classes' && task.width > 1 && outputs.slice(0, -1).every((axis) => axis === 1)) ||
    (task.decisions === 'labels' && outputs.every((axis) => axis === 1));
  const has = {
    accuracy: task.logits,
    decisions: task.decisions !== null,
    'one class': single,
    probabilities: single && task.logits,
  };
  const oneNumber = task.decisions === null && outputs.every((axis) => axis === 1);
  const predicts = has.probabilities ? 'one class' : oneNumber ? 'one number' : null;
  const robustness = await resolveRobustness(evaluation, models, dataset, predicts);
  for (const name of Object.keys(thresholds ?? {}) as (keyof Thresholds)[]) {
    const asked = ASKED[name];
    if (asked?.missing(robustness)) {
      const detail = `${name} is held against what evaluation.robustness measures. Accepted with it: robustness true, or with ${asked.accepted}.`;
      refuse('INCOMPATIBLE_OPTIONS', `/evaluation/thresholds/${name}`, detail, thresholds![name]);
    }
    const need = NEEDS[name];
    if (!need || has[need]) continue;
    const detail = `${name} needs ${MISSING[need]}; this one has outputs of shape [${outputs.join(', ')}] under ${loss}. Leave it out.`;
    refuse('INCOMPATIBLE_OPTIONS', `/evaluation/thresholds/${name}`, detail, thresholds![name]);
  }
  return { ...evaluation, robustness };
}
