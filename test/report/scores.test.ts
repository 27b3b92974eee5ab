import { describe, expect, it } from 'vitest';
import { generator } from '../../src/random.ts';
import { meanInterval, wilson } from '../../src/report/intervals.ts';
import { compareScores, mcnemarExact, quality, type SampleScores } from '../../src/report/scores.ts';

const classified = (right: number[], losses: number[] = right.map(() => 1), decisions = 1): SampleScores => ({
  kind: 'classification',
  losses: Float64Array.from(losses),
  right: Float64Array.from(right),
  decisions,
  metrics: {},
});
const regressed = (losses: number[]): SampleScores => ({
  kind: 'regression',
  losses: Float64Array.from(losses),
  right: new Float64Array(losses.length),
  decisions: 0,
  metrics: {},
});

describe('McNemar’s exact p', () => {
  // Twice the binomial tail, by hand.
  it.each([
    [0, 0, 1],
    [0, 1, 1],
    [0, 5, 2 / 32],
    [5, 0, 2 / 32],
    [1, 5, (2 * 7) / 64],
    [2, 10, (2 * 79) / 4096],
    [5, 5, 1],
    [4, 5, 1],
  ])('of %s and %s is %s', (b, c, p) => expect(mcnemarExact(b, c)).toBeCloseTo(p, 12));

  /** The tail in whole numbers. */
  function exact(b: number, c: number): number {
    const n = b + c;
    let choose = 1n;
    let tail = 0n;
    for (let k = 0; k <= Math.min(b, c); k++) {
      if (k > 0) choose = (choose * BigInt(n - k + 1)) / BigInt(k);
      tail += choose;
    }
    return Math.min(1, Number((2n * tail * 2n ** 200n) >> BigInt(n)) / 2 ** 200);
  }

  it.each([
    [10, 25],
    [100, 140],
    [470, 530],
    [3, 40],
  ])('of %s and %s agrees with whole-number arithmetic', (b, c) => {
    expect(mcnemarExact(b, c) / exact(b, c)).toBeCloseTo(1, 9);
  });

  it('neither under- nor overflows on many pairs', () => {
    expect(mcnemarExact(50_000, 50_000)).toBe(1);
    expect(mcnemarExact(50_500, 49_500)).toBeGreaterThan(0.001);
    expect(mcnemarExact(50_500, 49_500)).toBeLessThan(0.002);
    expect(mcnemarExact(90_000, 10_000)).toBe(0);
  });
});

describe('quality', () => {
  const interval = { value: 0.25, low: 0.1, high: 0.4 };

  it('of a classifier is its loss and accuracy, asked for or not', () => {
    const accuracy = { value: 0.75, low: wilson(3, 4).low, high: wilson(3, 4).high };
    const { loss, ...rest } = quality(classified([1, 1, 0, 1], [0.5, 0.5, 2, 1]));
    expect(loss.value).toBe(1);
    expect(rest).toEqual({ samples: 4, accuracy, error: 0.25 });
  });

  it('of several decisions a sample is the mean of their fractions, with the normal interval over samples', () => {
    const { accuracy, error } = quality(classified([1, 0.5, 0.75, 0.75], undefined, 4));
    // s² = 0.125 / 3.
    const half = 1.959963984540054 * Math.sqrt(0.125 / 3 / 4);
    expect(accuracy!.value).toBe(0.75);
    expect(accuracy!.low).toBeCloseTo(0.75 - half, 12);
    expect(accuracy!.high).toBeCloseTo(0.75 + half, 12);
    expect(error).toBe(0.25);
  });

  it('of several decisions a sample stays within 0 and 1, and has no ends where samples do not differ', () => {
    expect(quality(classified([1, 1, 1, 0.5], undefined, 2)).accuracy).toMatchObject({ value: 0.875, high: 1 });
    for (const right of [[0.97], [0.97, 0.97, 0.97]]) {
      const { value, low, high } = quality(classified(right, undefined, 100)).accuracy!;
      expect(value).toBeCloseTo(0.97, 12);
      expect([low, high]).toEqual([null, null]);
    }
  });

  it('of a regression is its loss', () => {
    expect(quality(regressed([1, 4, 9]))).toMatchObject({ samples: 3, loss: { value: 14 / 3 }, accuracy: null, error: null });
  });

  it('has every metric that was asked for, null where there is no value', () => {
    expect(quality({ ...classified([1]), metrics: { auc: null, f1: interval } })).toMatchObject({ auc: null, f1: interval });
    expect(quality({ ...regressed([1]), metrics: { accuracy: interval } })).toMatchObject({ accuracy: interval, error: 0.75 });
  });
});

describe('a paired comparison', () => {
  it('counts who alone is right, and takes the difference as result - original', () => {
    const comparison = compareScores(classified([1, 1, 1, 0, 0]), classified([1, 0, 0, 1, 0]), 0);
    expect(comparison).toMatchObject({ measure: 'accuracy', only_original_right: 2, only_result_right: 1, mcnemar_p: 1 });
    expect(comparison.difference.value).toBeCloseTo(-0.2, 12);
  });

  it('of several decisions a sample is of their fractions, and counts no sample as right', () => {
    const comparison = compareScores(classified([1, 0.5, 0.75], undefined, 4), classified([0.75, 0.5, 0.25], undefined, 4), 0);
    expect(comparison).toMatchObject({ measure: 'accuracy', only_original_right: null, only_result_right: null, mcnemar_p: null });
    expect(comparison.difference.value).toBeCloseTo(-0.25, 12);
    expect(comparison.difference.low).toBeGreaterThanOrEqual(-0.5);
    expect(comparison.difference.high).toBeLessThanOrEqual(0);
  });

  it('of a regression is of losses', () => {
    const comparison = compareScores(regressed([1, 2, 3]), regressed([2, 2, 5]), 0);
    expect(comparison).toMatchObject({ measure: 'loss', only_original_right: null, only_result_right: null, mcnemar_p: null });
    expect(comparison.difference.value).toBe(1);
  });

  it('of a model with itself is 0 without width', () => {
    const scores = classified([1, 0, 1]);
    expect(compareScores(scores, scores, 0).difference).toEqual({ value: 0, low: 0, high: 0 });
  });

  it('of a difference that is the same everywhere has no width', () => {
    const shifted = compareScores(regressed([1, 2, 3]), regressed([1.5, 2.5, 3.5]), 0).difference;
    expect(shifted).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
  });

  const drawn = (n: number, rate: number, stream: string) => {
    const { uniform } = generator(1, stream);
    return classified(Array.from({ length: n }, () => (uniform() < rate ? 1 : 0)));
  };

  it('has the width that the normal interval has, on many samples', () => {
    const [original, result] = [drawn(2000, 0.9, 'a'), drawn(2000, 0.8, 'b')];
    const { low, high, value } = compareScores(original, result, 3).difference;
    const normal = meanInterval(Float64Array.from(original.right, (fraction, index) => result.right[index]! - fraction));
    expect(value).toBeCloseTo(normal.value, 12);
    expect(Math.abs((high - low) / (normal.high - normal.low) - 1)).toBeLessThan(0.06);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
  });

  it('is the same for the same seed, and of about the same width for another', () => {
    const [original, result] = [drawn(500, 0.9, 'a'), drawn(500, 0.85, 'b')];
    const at = (seed: number) => compareScores(original, result, seed).difference;
    expect(at(1)).toEqual(at(1));
    expect(at(1)).not.toEqual(at(2));
    expect(Math.abs((at(1).high - at(1).low) / (at(2).high - at(2).low) - 1)).toBeLessThan(0.1);
  });

  it('covers the true difference in about 95 of 100 samples', () => {
    let covered = 0;
    for (let run = 0; run < 60; run++) {
      const { low, high } = compareScores(drawn(200, 0.8, `o${run}`), drawn(200, 0.7, `r${run}`), run).difference;
      if (low <= -0.1 && -0.1 <= high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(52);
  });

  it('is narrower than of unpaired samples where the two fail on the same ones', () => {
    const original = drawn(1000, 0.8, 'a');
    const result = { ...original, right: original.right.map((fraction, index) => (index < 5 ? 1 - fraction : fraction)) };
    const { low, high } = compareScores(original, result, 0).difference;
    expect(high - low).toBeLessThan(0.01);
  });

  it('beyond 20,000 samples is the normal one', () => {
    const [original, result] = [drawn(20_001, 0.9, 'a'), drawn(20_001, 0.9, 'b')];
    expect(compareScores(original, result, 0).difference).toEqual(
      meanInterval(Float64Array.from(original.right, (fraction, index) => result.right[index]! - fraction)),
    );
  });
});
