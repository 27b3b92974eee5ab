import { describe, expect, it } from 'vitest';
import { generator } from '../../src/random.ts';
import { compareLatencies, pairsSuffice, quantile } from '../../src/report/latency.ts';

describe('quantile', () => {
  it('interpolates between the sorted values', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([4, 1, 3, 2], 0)).toBe(1);
    expect(quantile([4, 1, 3, 2], 1)).toBe(4);
    expect(quantile([10, 20, 30], 0.95)).toBeCloseTo(29, 12);
    expect(quantile([7], 0.5)).toBe(7);
  });

  it('leaves its values as they were', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('a comparison of times', () => {
  it('says the median and the 95th percentile of each, and the median of the ratios', () => {
    const compared = compareLatencies([2, 4, 6], [1, 1, 1], 0);
    expect(compared).toMatchObject({ pairs: 3, original: { median_ms: 4 }, result: { median_ms: 1, p95_ms: 1 }, ratio: { value: 0.25 } });
    expect(compared.original.p95_ms).toBeCloseTo(5.8, 12);
  });

  it('is of pairs: what slows both leaves the ratio alone', () => {
    const { normal, uniform } = generator(0, 'times');
    const load = Array.from({ length: 100 }, () => 1 + 10 * uniform());
    const original = load.map((factor) => factor * (1 + 0.01 * normal()));
    const result = load.map((factor) => 0.5 * factor * (1 + 0.01 * normal()));
    const { ratio } = compareLatencies(original, result, 0);
    expect(ratio.low).toBeGreaterThan(0.49);
    expect(ratio.high).toBeLessThan(0.51);
    expect(ratio.low).toBeLessThanOrEqual(ratio.value);
    expect(ratio.high).toBeGreaterThanOrEqual(ratio.value);
  });

  it('does not tell equal models apart', () => {
    const { normal } = generator(1, 'times');
    const times = () => Array.from({ length: 200 }, () => Math.exp(0.1 * normal()));
    const { ratio } = compareLatencies(times(), times(), 0);
    expect(ratio.low).toBeLessThan(1);
    expect(ratio.high).toBeGreaterThan(1);
  });

  it('has the interval of a median: of 101 ratios 1 to 101, the 41st to the 61st or so', () => {
    const { ratio } = compareLatencies(
      Array(101).fill(1),
      Array.from({ length: 101 }, (_, index) => index + 1),
      0,
    );
    // 51 ± 1.96·√101/2.
    expect(ratio.value).toBe(51);
    expect(Math.abs(ratio.low - 41.15)).toBeLessThan(2);
    expect(Math.abs(ratio.high - 60.85)).toBeLessThan(2);
  });

  it('is not moved by a few outliers', () => {
    const slow = Array.from({ length: 50 }, (_, index) => (index < 3 ? 100 : 1));
    expect(compareLatencies(Array(50).fill(2), slow, 0).ratio.high).toBe(0.5);
  });

  it('is the same for the same seed', () => {
    const { uniform } = generator(2, 'times');
    const [a, b] = [0, 1].map(() => Array.from({ length: 30 }, () => 1 + uniform()));
    expect(compareLatencies(a!, b!, 7)).toEqual(compareLatencies(a!, b!, 7));
  });
});

describe('pairs of runs', () => {
  const looked: number[] = [];
  const suffice = (pairs: number, elapsed: number, width: number, patience = 20) =>
    pairsSuffice(pairs, elapsed, { seconds: 0.6, patience }, () => {
      looked.push(pairs);
      return width;
    });

  it('are thirty at least, and as many more as leave a narrow interval, as long as patience lasts', () => {
    expect([20, 29, 30, 35, 40].map((pairs) => suffice(pairs, 1, 0.03))).toEqual([false, false, true, false, true]);
    expect([30, 40, 390, 400].map((pairs) => suffice(pairs, 1, 0.1))).toEqual([false, false, false, true]);
    expect([suffice(30, 0.5, 0.03), suffice(35, 21, 0.5)]).toEqual([false, true]);
    // The interval is looked at now and then: it costs a thousand resamples.
    expect(looked).toEqual([30, 40, 30, 40, 390]);
    expect(suffice(31, 0.7, 0.5, 0.6)).toBe(true);
  });

  it('of models that are slow are fewer', () => {
    expect([7, 8, 20].map((pairs) => suffice(pairs, 21, 0.5))).toEqual([false, true, true]);
  });
});
