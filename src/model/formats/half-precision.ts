/** Numbers of two bytes, as files hold them; here they are float32, of which both types are subsets. */

export type HalfPrecision = 'float16' | 'bfloat16';

/** Of float16, where steps are the smallest; zero has no logarithm. */
const SMALLEST = 2 ** -24;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** float32 numbers of two-byte words. */
export function widened(words: Uint16Array, type: HalfPrecision): Float32Array<ArrayBuffer> {
  return Float32Array.from(words, type === 'float16' ? fromFloat16 : fromBfloat16);
}

/** Two-byte words of float32 numbers, rounded to nearest, ties to even. */
export function narrowed(values: Float32Array, type: HalfPrecision): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, type === 'float16' ? toFloat16 : toBfloat16);
}

/** The numbers as a file of the type would hold them. */
export function rounded(values: Float32Array, type: HalfPrecision): Float32Array<ArrayBuffer> {
  return widened(narrowed(values, type), type);
}

function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function toFloat16(value: number): number {
  float[0] = value;
  const sign = (word[0]! >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return sign | 0x7e00;
  // Half way between the largest float16, 65504, and what would follow it.
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || SMALLEST)));
  // Math.log2 may be off by one next to a power of two.
  const scale = magnitude >= 2 ** (exponent + 1) ? exponent + 1 : magnitude < 2 ** exponent ? Math.max(-14, exponent - 1) : exponent;
  const steps = toEven(magnitude / 2 ** (scale - 10));
  // Steps of the smallest exponent count from 0, those of others from 1024; an overflow of the fraction carries into the exponent.
  return sign | (scale === -14 ? steps : ((scale + 15) << 10) + (steps - 1024));
}

/** The nearest whole number of a value below 2^12, and of two equally near the even one. */
function toEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function fromBfloat16(half: number): number {
  word[0] = half << 16;
  return float[0]!;
}

function toBfloat16(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  if (Number.isNaN(value)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
