/** A target of accuracy: what it takes, and its fields in force. */
import type { DatasetFacts } from '../../dataset/facts.ts';
import type { ModelFacts } from '../../model/facts.ts';
import { taskOf } from '../../report/metrics/index.ts';
import { refuse } from '../refuse.ts';
import { type AccuracyTarget, type PruneSpec, type Structure, type Training, WALKED, type WalkedMeasure } from '../spec/index.ts';

/** By structure; the first is what is left out. */
const WALKS: Partial<Record<Structure['type'], readonly WalkedMeasure[]>> = {
  channels: ['macs', 'parameters'],
  unstructured: ['sparsity', 'parameters'],
};

const TRIALS = 6;

/** The target with every field. `fineTuning` is the resolved one. Throws Problem INCOMPATIBLE_OPTIONS. */
export function resolveAccuracyTarget(
  { pruning, packing }: PruneSpec,
  target: AccuracyTarget,
  fineTuning: Training,
  facts: ModelFacts,
  { y, splits }: DatasetFacts,
): Required<AccuracyTarget> {
  const at = '/pruning/target';
  const { structure, schedule, plan, plan_only: planOnly } = pruning;
  const walks = WALKS[structure.type];
  if (!walks) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${at}/max_accuracy_drop`,
      `Cuts within a loss of accuracy are searched for with the structures ${Object.keys(WALKS).join(' and ')}; ${structure.type} takes a target that counts.`,
      structure.type,
    );
  }
  const { measure = walks[0]! } = target;
  if (!walks.includes(measure)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${at}/measure`,
      `Cuts of the structure ${structure.type} are compared by ${walks.join(' or ')}.`,
      measure,
    );
  }
  if (schedule.type !== 'one_shot' || schedule.begin > 0) {
    const accepted = '{"type": "one_shot", "begin": 0}';
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/schedule',
      `Every trial is one cut of the uploaded model and what is trained behind it. Accepted: ${accepted}.`,
      schedule,
    );
  }
  if (plan || planOnly) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      plan ? '/pruning/plan' : '/pruning/plan_only',
      'How far to cut is found by training and measuring trials, and a plan says it before. Accepted: a target that counts.',
      plan ?? planOnly,
    );
  }
  if (packing) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/packing',
      'Several models come out of a search, each measured as it was trained; another job can pack the one that is chosen. Accepted: null.',
      packing,
    );
  }
  const { decisions } = taskOf(fineTuning.loss as Exclude<Training['loss'], 'auto'>, facts.outputs[0]!.shape.slice(1), y?.classes ?? null);
  if (decisions === null) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${at}/max_accuracy_drop`,
      `Accuracy counts decisions that are right, and under ${fineTuning.loss} this model makes none on these labels. Accepted: a classification loss (sparse_categorical_crossentropy, categorical_crossentropy, binary_crossentropy) or labels that are classes; else a target that counts.`,
      fineTuning.loss,
    );
  }
  if (splits.selection === 0) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${at}/max_accuracy_drop`,
      'Trials are compared on the selection split, and the data set has none; the test split is looked at once, for the result. Accepted: a data set with a selection split.',
      splits,
    );
  }
  if (fineTuning.optimizer_state === 'export') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning/optimizer_state',
      "The models of a search are kept without the optimizer's state. Accepted: auto or drop.",
      fineTuning.optimizer_state,
    );
  }
  const { trials = TRIALS, trial_epochs: epochs = Math.min(1, fineTuning.epochs) } = target;
  if (epochs > fineTuning.epochs) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `${at}/trial_epochs`,
      `Trials are trained as fine_tuning says, which has ${fineTuning.epochs} epochs; no more are accepted.`,
      epochs,
    );
  }
  return { max_accuracy_drop: target.max_accuracy_drop, measure, trials, trial_epochs: epochs };
}

/** The fields that go with max_accuracy_drop alone. */
export const OF_ACCURACY = ['measure', 'trials', 'trial_epochs'] as const;

/** What a target asks at the least: of one that walks along a measure the smallest step. */
export function smallestCut({ measure }: AccuracyTarget): { measure: WalkedMeasure; value: number } {
  return { measure: measure ?? WALKED[0], value: measure === 'sparsity' ? 0 : 1 };
}
