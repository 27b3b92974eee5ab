import { type ArraySource, sampleShapeOf } from './arrays.ts';
import { invalid } from './complaints.ts';
import type { DataType } from './facts.ts';
import { createFile } from './file-writer.ts';
import { EMPTY_RANGE, numberWriter, type Range, storedTypeFor, storedTypeOf, values, widened } from './storage.ts';

/** What was stored as x: samples × `shape`, of `dtype`. */
export interface Features extends Range {
  dtype: DataType;
  shape: number[];
  /** Whether the caller's numbers were whole by their type, and whether they were bytes; what the default of `scale` depends on. */
  uploaded: 'bytes' | 'whole' | 'other';
}

/**
 * Stores x of all splits one after the other. Bytes, int32 and float32 stay as they are; other whole numbers take the smallest of uint8 and int32 that
 * holds them; all else becomes float32. Throws DATASET_INVALID where samples differ in shape or hold what is not a finite number, DATASET_UNREADABLE.
 */
export async function storeFeatures(arrays: readonly [ArraySource, ...ArraySource[]], path: string): Promise<Features> {
  const shape = sampleShapeOf(arrays[0]);
  for (const array of arrays) {
    const other = sampleShapeOf(array);
    if (JSON.stringify(other) === JSON.stringify(shape)) continue;
    throw invalid(
      array.pointer,
      `The samples of ${array.name} have shape ${JSON.stringify(other)}, those of ${arrays[0].name} ${JSON.stringify(shape)}; they must agree`,
      { received: array.shape },
    );
  }
  const elements = arrays.map(({ element }) => element);
  const dtype = storedTypeOf(elements) ?? storedTypeFor(await rangeOf(arrays));
  const isByte = elements.every(({ kind, bytes }) => kind === 'uint' && bytes === 1);
  const isWhole = elements.every(({ kind }) => kind === 'uint' || kind === 'int');

  let range = EMPTY_RANGE;
  const file = createFile(path);
  const write = numberWriter(dtype, file);
  try {
    for (const array of arrays) {
      for await (const { numbers } of values(array)) {
        range = widened(range, numbers);
        write(numbers);
      }
    }
  } finally {
    file.close();
  }
  if (dtype === 'float32') range = { min: Math.fround(range.min), max: Math.fround(range.max) };
  return { dtype, shape, ...range, uploaded: isByte ? 'bytes' : isWhole ? 'whole' : 'other' };
}

async function rangeOf(arrays: readonly ArraySource[]): Promise<Range> {
  let range = EMPTY_RANGE;
  for (const array of arrays) {
    for await (const { numbers } of values(array)) range = widened(range, numbers);
  }
  return range;
}
