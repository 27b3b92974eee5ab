/** Thresholds that nothing could be held against are refused with the POST. */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { ModelFacts } from '../model/facts.ts';
import { taskOf } from '../report/metrics/index.ts';
import { refuse } from './refuse.ts';
import type { Evaluation, LossName, Thresholds } from './spec/index.ts';

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

/** `loss` is resolved. Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkEvaluation({ thresholds }: Evaluation, loss: LossName, model: ModelFacts, dataset: DatasetFacts): void {
  if (!thresholds) return;
  if (dataset.splits.test === 0) {
    const detail = 'Thresholds are held against what is measured on the test split, and the data set has none. Accepted: null.';
    refuse('INCOMPATIBLE_OPTIONS', '/evaluation/thresholds', detail, thresholds);
  }
  const outputs = model.outputs[0]!.shape.slice(1);
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
  for (const name of Object.keys(thresholds) as (keyof Thresholds)[]) {
    const need = NEEDS[name];
    if (!need || has[need]) continue;
    const detail = `${name} needs ${MISSING[need]}; this one has outputs of shape [${outputs.join(', ')}] under ${loss}. Leave it out.`;
    refuse('INCOMPATIBLE_OPTIONS', `/evaluation/thresholds/${name}`, detail, thresholds[name]);
  }
}
