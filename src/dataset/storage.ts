/** How numbers are stored: which of the three data types, and the conversion to it. */
import { type ArraySource, elementsIn } from './arrays.ts';
import { blocks } from './bytes.ts';
import { invalid } from './complaints.ts';
import { decoder, type ElementType, type Numbers } from './elements.ts';
import type { DataType } from './facts.ts';
import type { FileWriter } from './file-writer.ts';

export interface Range {
  min: number;
  max: number;
}

/** The range of nothing: what any number widens. */
export const EMPTY_RANGE: Range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };

/** Numbers of this magnitude and above become infinite as a float32. */
export const FLOAT32_LIMIT = (2 - 2 ** -24) * 2 ** 127;

type Stored = Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

function allocate(type: DataType, length: number): Stored {
  if (type === 'uint8') return new Uint8Array(length);
  return type === 'int32' ? new Int32Array(length) : new Float32Array(length);
}

/** Bytes of one stored value. */
export function bytesOf(type: DataType): number {
  return type === 'uint8' ? 1 : 4;
}

/** The type all of these can be stored in without looking at a value; null where that depends on how large the values are. */
export function storedTypeOf(elements: readonly ElementType[]): DataType | null {
  if (elements.some(({ kind }) => kind === 'float')) return 'float32';
  const isByte = ({ kind, bytes }: ElementType) => bytes === 1 && kind !== 'int';
  if (elements.every(isByte)) return 'uint8';
  const isInt32 = ({ kind, bytes }: ElementType) => bytes === 4 && kind === 'int';
  return elements.every((element) => isByte(element) || isInt32(element)) ? 'int32' : null;
}

/** Whether elements are, byte for byte, what is stored of them. */
export function isStoredForm({ kind, bytes, bigEndian }: ElementType, type: DataType): boolean {
  if (type === 'uint8') return bytes === 1 && kind !== 'int';
  return bytes === 4 && !bigEndian && kind === (type === 'int32' ? 'int' : 'float');
}

/** The smallest type that holds whole numbers of a range; float32, which rounds above 2²⁴, where neither uint8 nor int32 does. */
export function storedTypeFor({ min, max }: Range): DataType {
  if (min >= 0 && max <= 255) return 'uint8';
  return min >= -(2 ** 31) && max < 2 ** 31 ? 'int32' : 'float32';
}

/** The values of an array, block by block, each good until the next, with the number of its first element. Throws DATASET_INVALID at the first NaN, infinity, or number beyond float32. */
export async function* values(array: ArraySource): AsyncGenerator<{ numbers: Numbers; first: number }> {
  let first = 0;
  const decode = decoder(array.element);
  for await (const block of blocks(array.bytes())) {
    const numbers = decode(block);
    if (array.element.kind === 'float') checkFinite(array, numbers, first);
    yield { numbers, first };
    first += numbers.length;
  }
}

function checkFinite(array: ArraySource, numbers: Numbers, first: number): void {
  for (let index = 0; index < numbers.length; index += 1) {
    const value = numbers[index]!;
    if (Math.abs(value) < FLOAT32_LIMIT) continue;
    const sample = Math.floor((first + index) / elementsIn(array.shape.slice(1)));
    const accepted = Number.isFinite(value) ? 'numbers that a float32 holds' : 'finite numbers';
    throw invalid(array.pointer, `Sample ${sample} of ${array.name} (counted from 0) holds ${value}; only ${accepted} are accepted`, {
      received: String(value),
    });
  }
}

/** The smallest range that holds another and these numbers. */
export function widened({ min, max }: Range, numbers: Numbers): Range {
  // No byte lies outside: of images the first block already says so.
  if (min === 0 && max === 255 && numbers instanceof Uint8Array) return { min, max };
  for (let index = 0; index < numbers.length; index += 1) {
    const value = numbers[index]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/** Appends numbers, which must fit the type, to a file, little-endian. */
export function numberWriter(type: DataType, file: FileWriter): (numbers: Numbers) => void {
  let converted = allocate(type, 0);
  return (numbers) => {
    let stored = converted;
    if (hasType(numbers, type)) stored = numbers;
    else {
      if (converted.length !== numbers.length) converted = allocate(type, numbers.length);
      converted.set(numbers);
      stored = converted;
    }
    file.write(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  };
}

function hasType(numbers: Numbers, type: DataType): numbers is Stored {
  if (type === 'uint8') return numbers instanceof Uint8Array;
  return type === 'int32' ? numbers instanceof Int32Array : numbers instanceof Float32Array;
}
