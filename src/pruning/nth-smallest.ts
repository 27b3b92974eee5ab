/** One value of a sorted array without sorting it: two counts over halves of the bits, whose order is that of the numbers. */

const HALF = 16;

/**
 * The value that would stand at `index` were the float32 `values` sorted upwards, -0 before 0 and NaN last; the array stays as it is. Takes time and memory
 * in proportion to its length, whatever the values.
 */
export function nthSmallest(values: Float32Array, index: number): number {
  if (!(index >= 0 && index < values.length)) throw new RangeError(`There is no value ${index} of ${values.length}`);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const high = new Uint32Array(1 << HALF);
  for (let at = 0; at < bits.length; at++) high[ordered(bits[at]!) >>> HALF]!++;
  const [upper, passed] = bucketOf(high, index);
  const low = new Uint32Array(1 << HALF);
  for (let at = 0; at < bits.length; at++) {
    const key = ordered(bits[at]!);
    if (key >>> HALF === upper) low[key & 0xffff]!++;
  }
  const [lower] = bucketOf(low, index - passed);
  const key = ((upper << HALF) | lower) >>> 0;
  return new Float32Array(Uint32Array.of(key & 0x80000000 ? key ^ 0x80000000 : ~key).buffer)[0]!;
}

/** Bits of a float32 as a whole number of the same order: negative numbers turned over, the others above them. NaN with a sign goes to the end too. */
function ordered(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return 0xffffffff;
  return (bits & 0x80000000 ? ~bits : bits ^ 0x80000000) >>> 0;
}

/** In which bucket the value at `index` lies, and how many lie before that bucket. */
function bucketOf(counts: Uint32Array, index: number): [bucket: number, passed: number] {
  let passed = 0;
  for (let bucket = 0; ; bucket++) {
    if (passed + counts[bucket]! > index) return [bucket, passed];
    passed += counts[bucket]!;
  }
}
