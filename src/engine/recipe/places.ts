/** At which steps the stages of a recipe begin. What ends counts as a step: what is reported behind it is told from what comes next. */
import type { Dataset } from '../../dataset/batches.ts';
import type { Budget, Packing, PruneSpec, Training } from '../../jobs/spec/index.ts';
import { searchesWithinDrop, searchSteps } from '../pruning/accuracy-search.ts';
import { preparationSteps } from '../pruning/preparation.ts';
import { totalStepsOf, tuningStepsOf } from '../run/index.ts';

export type RecipeSpec = PruneSpec & { recipe: 'smallest'; target: Budget; packing: Packing };

/** Whether the job is one of a recipe. */
export function followsRecipe(spec: PruneSpec): spec is RecipeSpec {
  // A job that was posted before there were recipes says nothing.
  return Boolean(spec.recipe);
}

export interface Places {
  fineTuning: number;
  trial(number: number): number;
  /** Steps of the training with all epochs at the λ that was found; 0 where trials have as many. */
  whole: number;
  /** Of the whole job. */
  end: number;
}

export function placesOf(spec: RecipeSpec, data: Dataset, training: Training): Places {
  const { trials, trial_epochs: epochs } = spec.target;
  const { tuning } = spec.packing;
  const removal = removalOf(spec, training);
  const removed = searchesWithinDrop(removal.spec) ? searchSteps(removal.spec, data, removal.training) : preparationSteps(spec);
  const fineTuning = removed + 1;
  const search = fineTuning + (training.epochs > 0 ? totalStepsOf(data, training) + 1 : 0);
  const trial = tuningStepsOf(data, training, { ...tuning, epochs }) + 1;
  const whole = tuning.epochs! > epochs! ? tuningStepsOf(data, training, tuning) : 0;
  return { fineTuning, trial: (number) => search + number * trial, whole, end: search + trials * trial + whole };
}

/** The removal as a job of its own: of a search within a loss of accuracy the trials, else the cut alone. */
export function removalOf(spec: RecipeSpec, training: Training): { spec: PruneSpec; training: Training } {
  const alone: PruneSpec = { ...spec, recipe: null, target: null, packing: null };
  return { spec: alone, training: { ...training, epochs: searchesWithinDrop(alone) ? alone.pruning.target.trial_epochs : 0 } };
}
