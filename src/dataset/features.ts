import { type ArraySource, sampleShapeOf } from './arrays.ts';
import type { FileRange } from './bytes.ts';
import { invalid } from './complaints.ts';
import type { DataType } from './facts.ts';
import { createFile } from './file-writer.ts';
import { EMPTY_RANGE, isStoredForm, numberWriter, type Range, storedTypeFor, storedTypeOf, values, widened } from './storage.ts';

/** What was stored as x: samples × `shape`, of `dtype`. */
export interface Features extends Range {
  dtype: DataType;
  shape: number[];
  /** Whether the caller's numbers were whole by their type, and whether they were bytes; what the default of `scale` depends on. */
  uploaded: 'bytes' | 'whole' | 'other';
}

/** Features, and where they lie. */
export interface PlacedFeatures {
  features: Features;
  at: Pick<FileRange, 'path' | 'start'>;
}

/**
 * Stores x of all splits one after the other, at `path`, or leaves them where they are if they may be `kept` there and are, byte for byte, what would be stored. Bytes, int32 and float32 stay as they are; other whole numbers take the smallest of uint8 and int32 that
 * holds them; all else becomes float32. Throws DATASET_INVALID where samples differ in shape or hold what is not a finite number, DATASET_UNREADABLE.
 */
export async function storeFeatures(
  arrays: readonly [ArraySource, ...ArraySource[]],
  path: string,
  { kept = false } = {},
): Promise<PlacedFeatures> {
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

  const [first, ...others] = arrays;
  const place = kept && others.length === 0 && isStoredForm(first.element, dtype) ? first.plain : null;
  let range = place ? await rangeOf(arrays) : await copy(arrays, path, dtype);
  if (dtype === 'float32') range = { min: Math.fround(range.min), max: Math.fround(range.max) };
  const uploaded = isByte ? 'bytes' : isWhole ? 'whole' : 'other';
  return {
    features: { dtype, shape, ...range, uploaded },
    at: place ? { path: place.path, start: place.start } : { path, start: 0 },
  };
}

async function copy(arrays: readonly ArraySource[], path: string, dtype: DataType): Promise<Range> {
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
  return range;
}

/** Reads no further than it has to: beyond a byte of 0 and one of 255 lies none. */
async function rangeOf(arrays: readonly ArraySource[]): Promise<Range> {
  let range = EMPTY_RANGE;
  for (const array of arrays) {
    for await (const { numbers } of values(array)) {
      range = widened(range, numbers);
      if (array.plain?.checked === false && numbers instanceof Uint8Array && range.min === 0 && range.max === 255) break;
    }
  }
  return range;
}
