/** What can be attacked and corrupted: images, and models with a gradient. */
import type { DatasetFacts } from '../dataset/facts.ts';
import { imageForm } from '../dataset/image-form.ts';
import type { ModelFacts } from '../model/facts.ts';
import { cutOff } from '../model/gradient-flow.ts';
import { fillDefaults } from '../schema.ts';
import type { CheckedModel } from './check-training.ts';
import { graphOf } from './models-at-samples.ts';
import { dimensions, refuse } from './refuse.ts';
import { type Evaluation, Robustness } from './spec/index.ts';

const AT = '/evaluation/robustness';
const EPSILONS = { grey: [0.1, 0.2, 0.3], colour: [2 / 255, 4 / 255, 8 / 255] };

/**
 * The options with every default; null where none were asked for. `models` are all that are measured, `predicts` is what they say of a sample: one class under
 * a cross-entropy, or one number, which can only be looked into; null is anything else. Throws Problem INCOMPATIBLE_OPTIONS.
 */
export async function resolveRobustness(
  { robustness }: Pick<Evaluation, 'robustness'>,
  models: readonly CheckedModel[],
  dataset: DatasetFacts,
  predicts: 'one class' | 'one number' | null,
): Promise<Robustness | null> {
  if (robustness === null || robustness === undefined) return null;
  const number = predicts === 'one number';
  const resolved = robustness === true ? fillDefaults(Robustness, number ? { attacks: [], corruptions: [] } : {}) : robustness;
  if (dataset.splits.test === 0) {
    refuse('INCOMPATIBLE_OPTIONS', AT, 'Robustness is measured on the test split, and the data set has none. Accepted: null.', robustness);
  }
  const form = formOf(models[0]!.facts, dataset);
  if (!form) {
    const detail = `Robustness is measured on images: samples of [height, width] with values from 0 to 255, or [height, width, channels] with 1, 3 or 4 channels, of at least 4 pixels a side. The data set has samples of ${dimensions(dataset.x.shape)} from ${dataset.x.min} to ${dataset.x.max}. Accepted: null.`;
    refuse('INCOMPATIBLE_OPTIONS', AT, detail, dataset.x.shape);
  }
  if (predicts === null) {
    const detail =
      'Robustness needs a model that decides for one class a sample and is trained with a cross-entropy, or that predicts one number a sample. Accepted: null.';
    refuse('INCOMPATIBLE_OPTIONS', AT, detail, robustness);
  }
  if (number && (resolved.attacks.length > 0 || resolved.corruptions.length > 0)) {
    const detail =
      'Attacks and corruptions are measured by decisions that are right, and the model predicts a number. Accepted: true, or attacks [] and corruptions [].';
    refuse('INCOMPATIBLE_OPTIONS', AT, detail, robustness);
  }
  if (resolved.attacks.length > 0 || resolved.saliency_inputs > 0) await checkGradients(models);
  return { ...resolved, epsilons: resolved.epsilons ?? (form.channels === 1 ? EPSILONS.grey : EPSILONS.colour) };
}

function formOf({ inputs }: ModelFacts, dataset: DatasetFacts) {
  return imageForm(dataset, inputs[0]!.shape.slice(1));
}

async function checkGradients(models: readonly CheckedModel[]): Promise<void> {
  for (const model of models) {
    const { facts } = model;
    const cut = cutOff(await graphOf(model));
    if (!cut) continue;
    const detail = `Attacks and saliency maps follow the gradient of the output to the input; that of ${facts.name} ends at ${cut.join(', ')}. Accepted: attacks [] and saliency_inputs 0.`;
    refuse('INCOMPATIBLE_OPTIONS', AT, detail, cut);
  }
}
