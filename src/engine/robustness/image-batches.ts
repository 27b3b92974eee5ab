/** Images of the test split in batches of one size, as a captured function takes them. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Dataset } from '../../dataset/batches.ts';
import { rawTensor } from '../step/batch-format.ts';
import type { PixelScale } from './pixels.ts';

export interface ImageBatch {
  /** Place among all that are read, of the first; and how many of the batch count: what follows repeats the last. */
  start: number;
  count: number;
  /** [batch, height, width, channels] from 0 to 1. */
  pixels: Tensor;
  /** int32 [batch]. */
  labels: Tensor;
}

/** The images at these places of the test split, one batch after the other; a batch is disposed when the next is asked for. `labels` are those of the whole split. */
export function* imageBatches(
  data: Dataset,
  scale: PixelScale,
  places: Uint32Array,
  labels: Int32Array,
  batch: number,
): Generator<ImageBatch> {
  const { height, width, channels } = scale.form;
  for (let start = 0; start < places.length; start += batch) {
    const count = Math.min(batch, places.length - start);
    const chosen = Uint32Array.from({ length: batch }, (_, at) => places[start + Math.min(at, count - 1)]!);
    const pixels = rawTensor(scale.fromInputs(data.gather('test', chosen).x), [batch, height, width, channels], 'float32');
    const numbers = rawTensor(
      Int32Array.from(chosen, (place) => labels[place]!),
      [batch],
      'int32',
    );
    try {
      yield { start, count, pixels, labels: numbers };
    } finally {
      pixels.dispose();
      numbers.dispose();
    }
  }
}
