/** How many steps there are. */
import type { Dataset } from '../../dataset/batches.ts';
import type { Packing, Training } from '../../jobs/spec/index.ts';

/** The number of steps of an epoch. */
export function stepsPerEpoch(data: Dataset, batchSize: number): number {
  return Math.ceil(data.split('train').size / batchSize);
}

/** The number of steps of a whole training. */
export function totalStepsOf(data: Dataset, training: Training): number {
  const all = stepsPerEpoch(data, training.batch_size) * training.epochs;
  return Math.min(all, training.max_steps ?? all);
}

/** The number of steps of the training behind a packing. */
export function tuningStepsOf(data: Dataset, training: Training, tuning: Packing['tuning'] | null): number {
  return stepsPerEpoch(data, training.batch_size) * (tuning?.epochs ?? 0);
}
