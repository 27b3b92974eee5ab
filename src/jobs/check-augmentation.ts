/** Whether training samples can be changed as a training says. */
import type { DatasetFacts } from '../dataset/facts.ts';
import { HELD_BYTES } from '../dataset/limits.ts';
import { bytesOf } from '../dataset/storage.ts';
import type { ModelFacts } from '../model/facts.ts';
import type { CheckedModel } from './check-training.ts';
import { graphOf } from './models-at-samples.ts';
import { count, dimensions, refuse } from './refuse.ts';
import { type AugmentationEntry, augmentationFault } from './spec/augmentation.ts';
import type { Training } from './spec/index.ts';

/** Bytes of a data set and the changed copies of its samples. */
const COPIES_BYTES = 2 * 2 ** 30;

/** Whether what is in a picture is taken to other places. */
const MOVES: Record<AugmentationEntry['type'], boolean> = {
  shift: true,
  flip: true,
  crop: true,
  cutout: false,
  noise: false,
  rotate: true,
  zoom: true,
  affine: true,
  brightness: false,
  contrast: false,
};
const STAYING = (Object.keys(MOVES) as AugmentationEntry['type'][]).filter((type) => !MOVES[type]);

/** `training` is at `pointer` of the body. Throws Problem INCOMPATIBLE_OPTIONS. */
export function checkAugmentation(training: Training, pointer: string, { inputs }: ModelFacts, dataset: DatasetFacts): void {
  const { augmentation, augmentation_copies: copies } = training;
  const fault = augmentationFault(augmentation, inputs[0]!.shape.slice(1));
  if (fault) refuse('INCOMPATIBLE_OPTIONS', `${pointer}/augmentation/${fault.index}`, fault.detail, augmentation[fault.index]);
  const labels = dataset.y?.shape ?? [];
  const moving = augmentation.findIndex(({ type }) => MOVES[type]);
  // Labels of places, such as masks, would stay where they are.
  if (moving >= 0 && labels.filter((axis) => axis !== 1).length > 1) {
    const { type } = augmentation[moving]!;
    const detail = `${type} moves what is in a picture, and labels of shape ${dimensions(labels)} would stay where they are. Accepted: ${STAYING.join(', ')}.`;
    refuse('INCOMPATIBLE_OPTIONS', `${pointer}/augmentation/${moving}`, detail, augmentation[moving]);
  }
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

/** Noise is of numbers; the numbers of words, which an Embedding looks up, would become those of others. Throws Problem INCOMPATIBLE_OPTIONS. */
export async function checkNoise(
  { augmentation }: Training,
  pointer: string,
  model: Pick<CheckedModel, 'readConfig' | 'sample'>,
): Promise<void> {
  const at = augmentation.findIndex(({ type }) => type === 'noise');
  if (at < 0) return;
  const { inputs, calls } = await graphOf(model);
  const { tensor, dtype } = inputs[0]!;
  const lookup = calls.find((call) => call.inputs.includes(tensor) && EMBEDDINGS.includes(call.layer.className));
  if (!lookup && !/^int/.test(dtype)) return;
  const what = lookup ? `are what ${lookup.layer.name} (${lookup.layer.className}) looks up` : `are of type ${dtype}`;
  const detail = `noise is for numbers that may be any: the inputs ${what}, and would become others. Accepted: no noise.`;
  refuse('INCOMPATIBLE_OPTIONS', `${pointer}/augmentation/${at}`, detail, augmentation[at]);
}

const EMBEDDINGS = ['Embedding', 'ReversibleEmbedding'];
