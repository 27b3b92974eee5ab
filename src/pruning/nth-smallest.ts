/** One value of a sorted array without sorting it: two counts over halves of the bits, whose order is that of the numbers. */

const HALF = 16;
const LOW = 0xffff;
/** The upper half of the number 0 among places that begin with the least int32. */
const MIDDLE = 1 << (HALF - 1);
/** Of so few values sorting takes less than counting into 2¹⁶ places. */
const FEW = 1 << 12;

/**
 * The value that would stand at `index` were the float32 `values` sorted upwards, -0 before 0 and NaN last; the array stays as it is. Takes time in
 * proportion to its length, whatever the values.
 */
export function nthSmallest(values: Float32Array, index: number): number {
  if (!(index >= 0 && index < values.length)) throw new RangeError(`There is no value ${index} of ${values.length}`);
  if (values.length <= FEW) return values.slice().sort()[index]!;
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const [upper, passed] = bucketOf(countHigh(bits), index);
  const [lower] = bucketOf(countLow(bits, upper), index - passed);
  const key = ((upper - MIDDLE) << HALF) | lower;
  return new Float32Array(Int32Array.of(key < 0 ? key ^ TURNED : key).buffer)[0]!;
}

/** All bits but the sign. */
const TURNED = 0x7fffffff;
/** The bits of -∞; those above, up to -1, are no numbers. */
const MINUS_INFINITY = 0xff800000 | 0;

/** Bits of a float32 as an int32 of the same order: those of a negative number turned over. NaN with a sign goes to the end too. */
function inOrder(bits: number): number {
  if (bits >= 0) return bits;
  return bits > MINUS_INFINITY ? TURNED : bits ^ TURNED;
}

function countHigh(bits: Int32Array): Uint32Array {
  const counts = new Uint32Array(1 << HALF);
  for (let at = 0; at < bits.length; at++) counts[(inOrder(bits[at]!) >> HALF) + MIDDLE]!++;
  return counts;
}

/** Of those alone that are in this place by the upper half. */
function countLow(bits: Int32Array, upper: number): Uint32Array {
  const counts = new Uint32Array(1 << HALF);
  const high = upper - MIDDLE;
  for (let at = 0; at < bits.length; at++) {
    const key = inOrder(bits[at]!);
    if (key >> HALF === high) counts[key & LOW]!++;
  }
  return counts;
}

/** In which bucket the value at `index` lies, and how many lie before that bucket. */
function bucketOf(counts: Uint32Array, index: number): [bucket: number, passed: number] {
  let passed = 0;
  for (let bucket = 0; ; bucket++) {
    if (passed + counts[bucket]! > index) return [bucket, passed];
    passed += counts[bucket]!;
  }
}
