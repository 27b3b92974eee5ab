/** Whether training samples can be changed as a training says. */
import type { DatasetFacts } from '../dataset/facts.ts';
import { HELD_BYTES } from '../dataset/limits.ts';
import { bytesOf } from '../dataset/storage.ts';
import type { ModelFacts } from '../model/facts.ts';
import { count, refuse } from './refuse.ts';
import { augmentationFault } from './spec/augmentation.ts';
import type { Training } from './spec/index.ts';

/** Bytes of a data set and the changed copies of its samples. */
const COPIES_BYTES = 2 * 2 ** 30;

/** `training` is at `pointer` of the body. Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkAugmentation(training: Training, pointer: string, { inputs }: ModelFacts, dataset: DatasetFacts): void {
  const { augmentation, augmentation_copies: copies } = training;
  const fault = augmentationFault(augmentation, inputs[0]!.shape.slice(1));
  if (fault) refuse('INCOMPATIBLE_OPTIONS', `${pointer}/augmentation/${fault.index}`, fault.detail, augmentation[fault.index]);
  if (copies === null) return;
  const at = `${pointer}/augmentation_copies`;
  if (augmentation.length === 0) refuse('INCOMPATIBLE_OPTIONS', at, 'augmentation is empty: nothing would change the copies.', copies);
  const { x, y, weights, samples, splits } = dataset;
  const ofArray = (array: typeof x | typeof y): number => (array ? count(array.shape) * bytesOf(array.dtype) : 0);
  const each = ofArray(x) + ofArray(y) + (weights ? 4 : 0);
  const own = samples * each;
  if (own > HELD_BYTES) {
    const detail = `Copies are made of data sets of at most ${HELD_BYTES} bytes, which are held in memory; this one is ${own}.`;
    refuse('INCOMPATIBLE_OPTIONS', at, detail, copies);
  }
  const most = Math.floor((COPIES_BYTES - own) / (splits.train * each));
  if (copies > most) {
    const detail = `The data set and its copies may be ${COPIES_BYTES} bytes together: at most ${most} copies of ${splits.train} samples of ${each} bytes.`;
    refuse('INCOMPATIBLE_OPTIONS', at, detail, copies);
  }
}
