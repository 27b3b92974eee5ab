/** What a recipe cannot be had with, and its budget in force. */
import type { DatasetFacts } from '../dataset/facts.ts';
import { taskOf } from '../report/metrics/index.ts';
import { smallestBound } from '../report/paired-drop.ts';
import { checkBytes } from './check-bytes.ts';
import type { CheckedModel } from './check-training.ts';
import { refuse, refuseOption } from './refuse.ts';
import type { Budget, PruneSpec, Training } from './spec/index.ts';

/** What can be said before anything is resolved. Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkRecipe({ recipe, target, pruning, packing, fine_tuning: fineTuning }: PruneSpec): void {
  if (recipe === null) {
    if (target === null) return;
    refuseOption('/target', 'A budget goes with a recipe. Accepted: {"recipe": "smallest"}, or pruning.target.', target);
  }
  const { schedule, after_cut: afterCut, plan_only: planOnly } = pruning;
  if (schedule.type !== 'one_shot' || schedule.begin > 0) {
    const detail = 'The recipe removes once and trains what is left. Accepted: {"type": "one_shot", "begin": 0}.';
    refuseOption('/pruning/schedule', detail, schedule);
  }
  if (planOnly)
    refuseOption('/pruning/plan_only', 'A plan makes no model that could be trained. Accepted: false, or a job without a recipe.', true);
  if (afterCut.learning_rate_warmup_steps > 0 || afterCut.threshold_warmup) {
    const detail =
      'What is left is trained anew, as fine_tuning says: warm-ups stand there, in learning_rate_schedule and clipping. Accepted: none.';
    refuseOption('/pruning/after_cut', detail, afterCut);
  }
  if (packing?.max_bytes != null) {
    refuseOption(
      '/packing/max_bytes',
      'It goes with clusters. The bytes of a recipe are target.max_bytes. Accepted: null.',
      packing.max_bytes,
    );
  }
  if (!packing?.rate) {
    refuseOption('/packing/rate', 'The recipe trains at a rate. Accepted: an object, or nothing at all; without a recipe also null.', null);
  }
  if (fineTuning!.initial_optimizer_state !== 'fresh') {
    const detail = 'What is trained is a network that was cut, of which the uploaded optimizer knows nothing. Accepted: fresh.';
    refuseOption('/fine_tuning/initial_optimizer_state', detail, fineTuning!.initial_optimizer_state);
  }
}

/**
 * The budget with all its fields, once training and packing are resolved: the latter has `epochs` of them. Throws Problem INCOMPATIBLE_OPTIONS,
 * TARGET_OUT_OF_REACH, UNSUPPORTED_CONVERSION.
 */
export async function resolveBudget(
  { recipe, target }: PruneSpec,
  { loss }: Training,
  epochs: number,
  { facts, readConfig }: CheckedModel,
  { y, splits }: DatasetFacts,
): Promise<Budget> {
  const { max_bytes: bytes, max_accuracy_drop: drop, trials, trial_epochs: trialEpochs } = target!;
  if (bytes !== undefined && drop !== undefined) {
    const detail =
      'One of them is the budget, and the other is what is made the most of within it. Accepted: max_bytes or max_accuracy_drop.';
    refuseOption('/target', detail, target);
  }
  const { format, output_formats: formats = [format] } = facts;
  if (!formats.includes('esp')) {
    const detail = `The recipe ends in an .esp file, which cannot hold this model: GET /v1/models/{id}/content?format=esp says why. It can be written as ${formats.join(', ')}: a job without a recipe makes it smaller.`;
    refuse('UNSUPPORTED_CONVERSION', '/recipe', detail, recipe);
  }
  if (splits.selection === 0) {
    const detail =
      'Trials are compared on the selection split, and the data set has none; the test split is looked at once, for the result. Accepted: a data set with a selection split.';
    refuseOption('/dataset_id', detail, splits);
  }
  if (drop !== undefined) {
    const { decisions } = taskOf(loss as Exclude<Training['loss'], 'auto'>, facts.outputs[0]!.shape.slice(1), y?.classes ?? null);
    if (decisions === null) {
      const detail = `Accuracy counts decisions that are right, and under ${loss} this model makes none on these labels. Accepted: {"max_bytes": …}, within which the lowest loss is looked for.`;
      refuseOption('/target/max_accuracy_drop', detail, drop);
    }
    const least = smallestBound(splits.selection);
    if (drop < least) {
      const detail = `With ${splits.selection} samples in the selection split a drop below ${least.toFixed(6)} cannot be shown, even of a model that decides alike. Accepted: that and more, a larger selection split, or max_bytes.`;
      refuse('TARGET_OUT_OF_REACH', '/target/max_accuracy_drop', detail, drop);
    }
  } else {
    await checkBytes(bytes!, '/target/max_bytes', readConfig);
  }
  if (trialEpochs !== null && trialEpochs > epochs) {
    refuseOption(
      '/target/trial_epochs',
      `Trials are trained as packing.tuning says, which has ${epochs} epochs; no more are accepted.`,
      trialEpochs,
    );
  }
  return { ...target!, trials, trial_epochs: trialEpochs ?? Math.ceil(epochs / 2) };
}
