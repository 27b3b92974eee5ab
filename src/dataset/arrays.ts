/** Uploaded arrays before they are stored, whatever format they came in. */
import { type ByteSource, body, type FileRange } from './bytes.ts';
import { invalid } from './complaints.ts';
import type { ElementType } from './elements.ts';
import type { DatasetLimits } from './limits.ts';

export interface ArraySource {
  /** How messages name it: `#part:x`, or `'x_train' in #part:file`. */
  name: string;
  /** `#part:NAME`. */
  pointer: string;
  element: ElementType;
  /** The first axis counts samples. */
  shape: number[];
  /** Where the elements lie in a file as they are, in row-major order; null where they have to be made of what is there. `checked`: only who reads to the end learns that they are whole. */
  plain: (FileRange & { checked: boolean }) | null;
  /** The elements in row-major order, from the start at every call; ends in DATASET_UNREADABLE where they are damaged or too few. */
  bytes(): AsyncIterable<Uint8Array>;
}

export interface ArrayPair {
  x: ArraySource;
  y: ArraySource | null;
  /** Sample weights. */
  w: ArraySource | null;
}

/** The arrays of one data set; `selection` and `test` are there where the caller gave them apart from `train`. */
export interface ArraySet {
  format: 'idx' | 'npz';
  train: ArrayPair;
  selection: ArrayPair | null;
  test: ArrayPair | null;
}

/** The array that starts `skip` bytes into a source and fills the rest of it. */
export function arrayIn(source: ByteSource, skip: number, element: ElementType, shape: number[]): ArraySource {
  const { name, pointer, plain, checked } = source;
  const length = elementsIn(shape) * element.bytes;
  return {
    name,
    pointer,
    element,
    shape,
    plain: plain && { path: plain.path, start: plain.start + skip, length, checked },
    bytes: () => body(source, skip, length),
  };
}

/** The product of a shape; Infinity where it cannot be counted exactly. */
export function elementsIn(shape: readonly number[]): number {
  const product = shape.reduce((elements, axis) => elements * axis, 1);
  return Number.isSafeInteger(product) ? product : Number.POSITIVE_INFINITY;
}

/** The shape of one sample of x; samples that are one number each have shape `[1]`, as a model's input has. */
export function sampleShapeOf(array: ArraySource): number[] {
  return array.shape.length === 1 ? [1] : array.shape.slice(1);
}

/** Refuses pairs that hold nothing or more than the limits allow, before anything is read or allocated. Throws DATASET_INVALID. */
export function checkShapes(pairs: readonly ArrayPair[], limits: DatasetLimits): void {
  let samples = 0;
  let totalBytes = 0;
  for (const { x, y, w } of pairs) {
    for (const array of [x, y, w]) {
      if (array === null) continue;
      const refuse = (reason: string) =>
        invalid(array.pointer, `${array.name} has shape ${JSON.stringify(array.shape)}: ${reason}`, { received: array.shape });
      const [length, ...sample] = array.shape;
      if (length === undefined) throw refuse('a single number; the first axis counts samples');
      if (array.shape.includes(0)) throw refuse('no elements; at least one sample is needed, and every axis at least 1');
      // Stored as at most 4 bytes an element.
      const sampleBytes = elementsIn(sample) * Math.max(4, array.element.bytes);
      if (sampleBytes > limits.sampleBytes) throw refuse(`${sampleBytes} bytes a sample; the limit is ${limits.sampleBytes}`);
      totalBytes += length * elementsIn(sample) * array.element.bytes;
      if (totalBytes > limits.totalBytes) throw refuse(`all arrays together are more than the limit of ${limits.totalBytes} bytes`);
      if (array === x) samples += length;
      if (samples > limits.samples) throw refuse(`all splits together are more than the limit of ${limits.samples} samples`);
    }
  }
}
