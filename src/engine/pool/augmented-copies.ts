import type { Dataset } from '../../dataset/batches.ts';
import type { StoredValues } from '../../dataset/stored-values.ts';
import type { Augmentation } from '../../jobs/spec/index.ts';
import { augment } from '../augmentation/index.ts';
import { pack } from '../raw-ops.ts';
import { scope } from '../scope.ts';
import { type BatchFormat, decoded, encoded, rawTensor } from '../step/batch-format.ts';
import { tf } from '../tensorflow.ts';
import { gathered } from './training-pool.ts';

/** Samples that are changed at once. */
const AT_ONCE = 500;
/** Sets the stream of copies apart from those of steps and layers. */
const COPIES = 0x2c1b3c6d;

/**
 * Changed copies of every sample of the training split, as the data are stored: [copies, samples, ...stored] in the order of the split, whole numbers rounded and
 * clipped to their type. The same for the same seed. `cancelled` is called between parts and may throw.
 */
export function augmentedCopies(
  data: Dataset,
  format: BatchFormat,
  augmentation: Augmentation,
  copies: number,
  seed: number,
  cancelled: () => void,
): StoredValues {
  const { samples } = data.split('train');
  const { x } = data.held!;
  const width = x.length / data.facts.samples;
  const changed = new (x.constructor as new (length: number) => StoredValues)(copies * samples.length * width);
  for (let from = 0, draw = 0; from < copies * samples.length; draw++) {
    cancelled();
    const start = from % samples.length;
    const rows = samples.subarray(start, start + AT_ONCE);
    scope(() => {
      const raw = rawTensor(gathered(x, rows, width), [rows.length, ...format.stored], format.storedType);
      const chance = pack([tf.scalar(seed ^ COPIES, 'int32'), tf.scalar(draw, 'int32')]);
      changed.set(encoded(format, augment(augmentation, decoded(format, raw), chance)), from * width);
    });
    from += rows.length;
  }
  return changed;
}
