import { elementsIn } from './arrays.ts';
import type { DatasetFacts } from './facts.ts';
import { transformedCopy } from './stored-values.ts';

/**
 * What a model would see of numbers as this data set stores them: the same scaling and standardisation, number by number. `samples` is [n, ...] float32 of
 * `facts.shape`, give or take axes of length 1. Null where they are of another shape.
 */
export function transformInputs(
  x: DatasetFacts['x'],
  samples: { shape: readonly number[]; data: Float32Array<ArrayBuffer> },
): Float32Array<ArrayBuffer> | null {
  const long = (shape: readonly number[]) => shape.filter((axis) => axis !== 1).join();
  if (long(samples.shape.slice(1)) !== long(x.shape) || samples.data.length !== samples.shape[0]! * elementsIn(x.shape)) return null;
  const data = new Float32Array(samples.data.length);
  const { buffer, byteOffset, byteLength } = samples.data;
  transformedCopy({ ...x, dtype: 'float32' })(new Uint8Array(buffer, byteOffset, byteLength), data, 0);
  return data;
}
