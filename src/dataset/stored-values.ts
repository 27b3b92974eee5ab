/** Stored bytes as the numbers they are, and their copies into the arrays of a batch. */
import type { DatasetFacts, DataType } from './facts.ts';
import { inputTransform } from './transform.ts';

/** Values as they are stored: of `uint8`, `int32` or `float32`. */
export type StoredValues<Memory extends ArrayBufferLike = ArrayBuffer> = Uint8Array<Memory> | Int32Array<Memory> | Float32Array<Memory>;

/** A view of bytes that start at a multiple of 4 in their buffer. */
export function valuesOf<Memory extends ArrayBufferLike>(rows: Uint8Array<Memory>, dtype: DataType): StoredValues<Memory> {
  if (dtype === 'uint8') return rows;
  const { buffer, byteOffset, byteLength } = rows;
  return dtype === 'int32' ? new Int32Array(buffer, byteOffset, byteLength / 4) : new Float32Array(buffer, byteOffset, byteLength / 4);
}

/** Puts the values of whole rows into an array from `offset` on. */
export type Copy<Target> = (rows: Uint8Array, target: Target, offset: number) => void;

/** A copy that changes nothing but the type. */
export function plainCopy(dtype: DataType): Copy<Float32Array | Int32Array> {
  return (rows, target, offset) => target.set(valuesOf(rows, dtype), offset);
}

/** A copy that makes of class numbers float32 rows of 0s with a single 1. */
export function oneHotCopy(dtype: DataType, classes: number): Copy<Float32Array | Int32Array> {
  return (rows, target, offset) => {
    const labels = valuesOf(rows, dtype);
    target.fill(0, offset, offset + labels.length * classes);
    for (let index = 0; index < labels.length; index += 1) target[offset + index * classes + labels[index]!] = 1;
  };
}

/** A copy that makes of stored values what a model sees. */
export function transformedCopy(x: DatasetFacts['x']): Copy<Float32Array> {
  const { dtype, scale } = x;
  const { center, divisor } = inputTransform(x);
  if (center !== null && divisor !== null) return standardizedCopy(dtype, center, divisor);
  if (dtype === 'uint8') {
    const scaled = Float32Array.from({ length: 256 }, (_, value) => value * scale);
    return (rows, target, offset) => {
      const part = target.subarray(offset, offset + rows.length);
      for (let index = 0; index < part.length; index += 1) part[index] = scaled[rows[index]!]!;
    };
  }
  const plain = plainCopy(dtype);
  if (scale === 1) return plain;
  return (rows, target, offset) => {
    const values = valuesOf(rows, dtype);
    for (let index = 0; index < values.length; index += 1) target[offset + index] = values[index]! * scale;
  };
}

/** Every operation is rounded to float32, as a graph rounds it. */
function standardizedCopy(dtype: DataType, center: Float32Array, divisor: Float32Array): Copy<Float32Array> {
  const width = center.length;
  return (rows, target, offset) => {
    const values = valuesOf(rows, dtype);
    for (let start = 0; start < values.length; start += width) {
      for (let column = 0; column < width; column += 1) {
        const value = Math.fround(values[start + column]!);
        target[offset + start + column] = Math.fround(value - center[column]!) / divisor[column]!;
      }
    }
  };
}
