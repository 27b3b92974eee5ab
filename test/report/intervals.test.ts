import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { influenceInterval, meanInterval, wilson } from '../../src/report/intervals.ts';

describe('Wilson’s interval', () => {
  // Newcombe 1998, table I, and R's prop.test(correct = FALSE).
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
    [29, 29, 0.883, 1],
  ])('of %s in %s is %s to %s', (successes, n, low, high) => {
    const interval = wilson(successes, n);
    expect(interval.value).toBe(successes / n);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  it('lies within [0, 1] and around its value', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer({ min: 1, max: 500 }), (k, n) => {
        const { value, low, high } = wilson(Math.min(k, n), n);
        expect(0 <= low && low <= value + 1e-12 && value <= high + 1e-12 && high <= 1).toBe(true);
      }),
    );
  });
});

describe('a mean’s interval', () => {
  it('is 1.96 standard errors to each side: of 1..5, 3 ± 1.3859', () => {
    const { value, low, high } = meanInterval(Float64Array.of(1, 2, 3, 4, 5));
    expect(value).toBe(3);
    expect(high - 3).toBeCloseTo(1.959964 * Math.sqrt(2.5 / 5), 6);
    expect(3 - low).toBeCloseTo(1.959964 * Math.sqrt(2.5 / 5), 6);
  });

  it('of one value is that value', () => expect(meanInterval(Float64Array.of(7))).toEqual({ value: 7, low: 7, high: 7 }));
});

describe('an interval by influence', () => {
  it('of a mean, whose samples move it by (x - mean) / n, is the normal one but for n / (n - 1)', () => {
    const values = [1, 2, 3, 4, 10];
    const influence = Float64Array.from(values, (value) => (value - 4) / 5);
    const { low, high } = influenceInterval(4, influence, 0, 100);
    const normal = meanInterval(Float64Array.from(values));
    expect((high! - low!) / (normal.high - normal.low)).toBeCloseTo(Math.sqrt(4 / 5), 12);
  });

  it('is cut to what the value can be, and has no ends where nothing moves it', () => {
    expect(influenceInterval(0.9, Float64Array.of(0.3, 0.3), 0, 1).high).toBe(1);
    expect(influenceInterval(1, Float64Array.of(0, 0), 0, 1)).toEqual({ value: 1, low: null, high: null });
    expect(influenceInterval(1, Float64Array.of(Number.NaN), 0, 1)).toEqual({ value: 1, low: null, high: null });
  });
});
