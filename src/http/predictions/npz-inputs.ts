import { join } from 'node:path';
import { elementsIn } from '../../dataset/arrays.ts';
import { DATASET_LIMITS } from '../../dataset/limits.ts';
import { npzArrays } from '../../dataset/readers/npz.ts';
import { values } from '../../dataset/storage.ts';
import { Problem } from '../../errors.ts';
import type { NamedArray } from '../../jobs/predictions/arrays.ts';

/** No model has more inputs. */
const MOST_ARRAYS = 64;

/**
 * The arrays of an uploaded npz as float32; of whatever type they are stored. Throws DATASET_UNREADABLE and DATASET_INVALID as the reading of data sets
 * does, and PAYLOAD_TOO_LARGE where they are more than `maxBytes` together.
 */
export async function readNpzInputs(path: string, scratch: string, maxBytes: number): Promise<NamedArray[]> {
  const pointer = '#part:file';
  const sources = await npzArrays(path, pointer, MOST_ARRAYS, (index) => join(scratch, `${index}.column-major`), {
    ...DATASET_LIMITS,
    totalBytes: 2 * maxBytes + 2 ** 20,
  });
  const bytes = sources.reduce((sum, { array }) => sum + 4 * elementsIn(array.shape), 0);
  if (bytes > maxBytes) {
    throw new Problem('PAYLOAD_TOO_LARGE', `The inputs are ${bytes} bytes as float32; a prediction takes ${maxBytes} (max_input_bytes)`);
  }
  const arrays: NamedArray[] = [];
  for (const { key, array } of sources) {
    const data = new Float32Array(elementsIn(array.shape));
    for await (const { numbers, first } of values(array)) data.set(numbers, first);
    arrays.push({ name: key, shape: array.shape, data });
  }
  return arrays;
}
