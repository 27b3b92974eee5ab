import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromState, generator, naturalLogarithm } from '../src/random.ts';

const draw = (count: number, next: () => number): number[] => Array.from({ length: count }, next);

/** xoshiro128** transcribed from the reference C with 64-bit whole numbers. */
function reference(state: bigint[]): () => number {
  const word = (value: bigint) => BigInt.asUintN(32, value);
  const rotate = (value: bigint, by: bigint) => word((value << by) | (value >> (32n - by)));
  const s = [...state];
  return () => {
    const result = word(rotate(word(s[1]! * 5n), 7n) * 9n);
    const t = word(s[1]! << 9n);
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotate(s[3]!, 11n);
    return Number(result);
  };
}

describe('xoshiro128**', () => {
  it('gives the published numbers for the state 1, 2, 3, 4', () => {
    const published = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804];
    expect(draw(10, fromState([1, 2, 3, 4]).next)).toEqual(published);
  });

  it('agrees with a transcription of the reference over 1,000 numbers of any state', () => {
    const word = fc.integer({ min: 1, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), (state) => {
        expect(draw(1000, fromState(state).next)).toEqual(draw(1000, reference(state.map(BigInt))));
      }),
      { numRuns: 20 },
    );
  });
});

describe('generator', () => {
  it('starts from the SHA-256 of seed and stream', () => {
    const digest = createHash('sha256').update('[42,"epoch order",3]').digest();
    const state = [0, 1, 2, 3].map((index) => BigInt(digest.readUInt32LE(4 * index)));
    expect(draw(5, generator(42, 'epoch order', 3).next)).toEqual(draw(5, reference(state)));
  });

  it('gives different streams different numbers, and the same stream the same', () => {
    const starts = [generator(0), generator(1), generator(0, 1), generator(0, '1'), generator(0, 1, 2), generator(0, 12), generator(0, 1)];
    const numbers = starts.map(({ next }) => next());
    expect(numbers[6]).toBe(numbers[2]);
    expect(new Set(numbers).size).toBe(6);
  });
});

describe('uniform', () => {
  it('makes its 53 bits of the high bits of two draws', () => {
    const [a, b] = draw(2, fromState([1, 2, 3, 4]).next) as [number, number];
    expect(fromState([1, 2, 3, 4]).uniform()).toBe((Math.floor(a / 32) * 2 ** 26 + Math.floor(b / 64)) / 2 ** 53);
  });

  it('has mean 1/2 and variance 1/12', () => {
    const numbers = draw(100_000, generator(7, 'uniform').uniform);
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.004);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
    expect(Math.min(...numbers.slice(0, 10_000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers.slice(0, 10_000))).toBeLessThan(1);
  });
});

describe('int', () => {
  it('draws each number as often as the other', () => {
    const { int } = generator(1, 'int');
    const counts = new Array(6).fill(0);
    for (let index = 0; index < 60_000; index += 1) counts[int(6)] += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    // 5 degrees of freedom: above 20.5 once in a thousand.
    expect(chiSquare).toBeLessThan(20.5);
  });

  it('stays below n, up to n = 2^32', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer(), (n, seed) => {
        const drawn = generator(seed).int(n);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < n).toBe(true);
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 32 + 1])('refuses n = %s and says so', (n) => {
    expect(() => generator(0).int(n)).toThrow(`received ${n}`);
  });
});

describe('normal', () => {
  it('has the moments of the normal distribution and as much within one deviation', () => {
    const numbers = draw(100_000, generator(3, 'normal').normal);
    const moment = (power: number) => numbers.reduce((sum, value) => sum + value ** power, 0) / numbers.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.015);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15);
    const within = numbers.filter((value) => Math.abs(value) < 1).length / numbers.length;
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.006);
  });
});

describe('naturalLogarithm', () => {
  it('agrees with Math.log to its last bits', () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -1000, max: 2 ** 1000, noNaN: true }), (x) => {
        expect(Math.abs(naturalLogarithm(x) - Math.log(x))).toBeLessThanOrEqual(Math.max(Math.abs(Math.log(x)) * 4e-16, 2e-16));
      }),
      { numRuns: 1000 },
    );
    expect(naturalLogarithm(1)).toBe(0);
  });
});

describe('permutation', () => {
  it('holds every number once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer(), (n, seed) => {
        const order = generator(seed).permutation(n);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, index) => index));
      }),
    );
  });

  it('gives each of the 24 orders of 4 as often as the other', () => {
    const { permutation } = generator(5, 'orders');
    const counts = new Map<string, number>();
    for (let index = 0; index < 24_000; index += 1) {
      const order = permutation(4).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(counts.size).toBe(24);
    // 23 degrees of freedom: above 49.7 once in a thousand.
    expect(chiSquare).toBeLessThan(49.7);
  });
});
