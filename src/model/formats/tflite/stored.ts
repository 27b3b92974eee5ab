/** Weights in fewer bytes than float32. */
import { narrowed } from '../half-precision.ts';
import type { Tensor } from './flatbuffer.ts';
import type { TensorType } from './schema.ts';

export type Precision = 'float32' | 'float16' | 'int8';

interface Stored {
  type: TensorType;
  /** Numbers in a shape; int8 has a scale for each place of an axis. */
  make(numbers: Float32Array, shape: readonly number[], axis: number): ReturnType<NonNullable<Tensor['data']>>;
}

const LARGEST_FLOAT16 = 65504;
const LARGEST_INT8 = 127;

const FLOAT16: Stored = {
  type: 'float16',
  make(numbers) {
    const words = narrowed(numbers, 'float16');
    return { bytes: new Uint8Array(words.buffer, words.byteOffset, words.byteLength) };
  },
};

/** round(w / s) with s = max|w| / 127 over what stands at a place of the axis: zeros stay zeros. */
const INT8: Stored = {
  type: 'int8',
  make(numbers, shape, axis) {
    const places = shape[axis]!;
    const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
    const placeOf = (index: number): number => Math.floor(index / inner) % places;
    const largest = new Float64Array(places);
    for (let index = 0; index < numbers.length; index++) {
      const place = placeOf(index);
      largest[place] = Math.max(largest[place]!, Math.abs(numbers[index]!));
    }
    const scales = Float32Array.from(largest, (most) => (most === 0 ? 1 : most / LARGEST_INT8));
    const bytes = new Int8Array(numbers.length);
    for (let index = 0; index < numbers.length; index++) {
      bytes[index] = Math.max(-LARGEST_INT8, Math.min(LARGEST_INT8, Math.round(numbers[index]! / scales[placeOf(index)]!)));
    }
    return { bytes: new Uint8Array(bytes.buffer), quantization: { scales, axis } };
  },
};

/** How numbers are stored in a precision; null where they stay float32, as those that float16 cannot hold. */
export function stored(numbers: Float32Array, precision: Precision): Stored | null {
  switch (precision) {
    case 'float32':
      return null;
    case 'float16':
      return numbers.every((number) => Math.abs(number) <= LARGEST_FLOAT16) ? FLOAT16 : null;
    case 'int8':
      return numbers.every(Number.isFinite) ? INT8 : null;
  }
}
