/**
 * Seeded random numbers that are the same on every machine: xoshiro128** (Blackman & Vigna 2021) whose state is the SHA-256 of a seed and a stream's
 * name. Ask for a generator per purpose and step (`generator(seed, 'dropout', step)`) rather than keeping one: a resumed job then needs no stored state.
 */
import { createHash } from 'node:crypto';

export interface Generator {
  /** A whole number from 0 to 2³² - 1. */
  next(): number;
  /** From 0 (included) to 1 (excluded), a multiple of 2⁻⁵³. */
  uniform(): number;
  /** A whole number from 0 to n - 1, each as likely as the other; n from 1 to 2³². */
  int(n: number): number;
  /** Of mean 0 and variance 1. */
  normal(): number;
  /** The numbers 0 to n - 1 in an order of which each is as likely as the other (Fisher-Yates): `[n]`, uint32. */
  permutation(n: number): Uint32Array;
}

/** The generator of one stream of a seed. Streams are told apart by every word of their name; `7` and `'7'` are different words. */
export function generator(seed: number, ...stream: (number | string)[]): Generator {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...stream]))
    .digest();
  return fromState([0, 4, 8, 12].map((offset) => digest.readUInt32LE(offset)) as State);
}

type State = [number, number, number, number];

/** xoshiro128** from a state of four uint32 that are not all zero. */
export function fromState(state: State): Generator {
  let [s0, s1, s2, s3] = state.map((word) => word | 0) as State;
  let spare: number | null = null;

  const next = (): number => {
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= shifted;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result;
  };

  const uniform = (): number => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992;

  // Numbers above n - 1 are drawn again: fewer than one in two, and no remainder favours the small ones.
  const int = (n: number): number => {
    if (!Number.isInteger(n) || n < 1 || n > 4_294_967_296) throw new RangeError(`int(n) takes a whole n from 1 to 2^32; received ${n}`);
    if (n === 1) return 0;
    const unused = Math.clz32(n - 1);
    let drawn = next() >>> unused;
    while (drawn >= n) drawn = next() >>> unused;
    return drawn;
  };

  // Marsaglia's polar method: two numbers a round, of which the second is kept.
  const normal = (): number => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    for (;;) {
      const a = 2 * uniform() - 1;
      const b = 2 * uniform() - 1;
      const square = a * a + b * b;
      if (square === 0 || square >= 1) continue;
      const factor = Math.sqrt((-2 * naturalLogarithm(square)) / square);
      spare = b * factor;
      return a * factor;
    }
  };

  const permutation = (n: number): Uint32Array => {
    const order = new Uint32Array(n);
    for (let position = 0; position < n; position += 1) order[position] = position;
    for (let last = n - 1; last > 0; last -= 1) {
      const chosen = int(last + 1);
      const moved = order[last]!;
      order[last] = order[chosen]!;
      order[chosen] = moved;
    }
    return order;
  };

  return { next, uniform, int, normal, permutation };
}

const words = new DataView(new ArrayBuffer(8));

/**
 * ln(x) for a normal positive x, within 2e-16 relative, by IEEE additions, multiplications and divisions alone: the language leaves `Math.log` to the
 * implementation, and a last bit that differs between machines would end in other weights.
 */
export function naturalLogarithm(x: number): number {
  words.setFloat64(0, x);
  const high = words.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  words.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = words.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent += 1;
  }
  // ln m = 2 artanh((m - 1) / (m + 1)), and |(m - 1) / (m + 1)| <= 0.172.
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let power = 21; power >= 3; power -= 2) sum = (sum + 1 / power) * square;
  return exponent * Math.LN2 + 2 * (ratio + ratio * sum);
}

const POOL = new Uint8Array(4096);
let used = POOL.length;

/**
 * From 0 to 1, in steps of 1/256, as nobody can foresee it: what ulid asks for sixteen times an id. Drawn by the thousand, since drawing one takes longer than
 * the rest of a short answer.
 */
export function unpredictable(): number {
  if (used === POOL.length) {
    crypto.getRandomValues(POOL);
    used = 0;
  }
  return POOL[used++]! / 256;
}
