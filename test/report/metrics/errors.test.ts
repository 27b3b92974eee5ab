import { describe, expect, it } from 'vitest';
import { generator } from '../../../src/random.ts';
import { measured, metricOf, type Scored } from '../../helpers/metrics.ts';

const numbers = (outputs: readonly number[][], targets: readonly number[][]): Scored => ({ loss: 'mean_squared_error', outputs, targets });

describe('errors in numbers', () => {
  const given = numbers(
    [
      [1, 2],
      [3, 5],
      [0, 0],
    ],
    [
      [0, 2],
      [1, 2],
      [0, 1],
    ],
  );

  it('are averaged over all outputs: of 1, 0, 2, 3, 0 and -1', () => {
    expect(metricOf('mean_absolute_error', given)).toBeCloseTo(7 / 6, 12);
    expect(metricOf('root_mean_squared_error', given)).toBeCloseTo(Math.sqrt(15 / 6), 12);
  });

  it('have normal intervals over samples; that of the root is the root of the mean square’s', () => {
    const half = (values: number[], mean: number) =>
      1.959964 * Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2 / 3);
    const { mean_absolute_error: absolute, root_mean_squared_error: root } = measured(
      ['mean_absolute_error', 'root_mean_squared_error'],
      given,
    );
    expect(absolute!.high).toBeCloseTo(7 / 6 + half([0.5, 2.5, 0.5], 7 / 6), 6);
    expect(absolute!.low).toBeCloseTo(7 / 6 - half([0.5, 2.5, 0.5], 7 / 6), 6);
    expect(root!.high).toBeCloseTo(Math.sqrt(2.5 + half([0.5, 6.5, 0.5], 2.5)), 6);
    expect(root!.low).toBe(0);
  });

  it('are undefined where an output is not a number', () => {
    const names = ['mean_absolute_error', 'root_mean_squared_error', 'r2'] as const;
    expect(measured(names, numbers([[Number.NaN], [1]], [[0], [2]]))).toEqual({
      mean_absolute_error: null,
      root_mean_squared_error: null,
      r2: null,
    });
  });

  it('take class numbers for rows of 0s with a single 1', () => {
    const outputs = [
      [0.5, 0.25, 0.25],
      [0, 0, 1],
    ];
    expect(metricOf('mean_absolute_error', { loss: 'mean_squared_error', outputs, targets: [[0], [2]], classes: 3 })).toBeCloseTo(
      1 / 6,
      12,
    );
  });
});

describe('R²', () => {
  it('is 1 less the squared errors over those of the mean, averaged over outputs', () => {
    // Output 0: 1 - 1/2; output 1: 1 - 8/8.
    const given = numbers(
      [
        [1, 2],
        [2, 2],
        [4, 2],
      ],
      [
        [1, 0],
        [2, 2],
        [3, 4],
      ],
    );
    expect(metricOf('r2', given)).toBeCloseTo((1 / 2 + 0) / 2, 12);
  });

  it('is 1 where every target is met and 0 for their mean; below that it has no bound', () => {
    const targets = [[1], [2], [6]];
    expect(measured(['r2'], numbers(targets, targets)).r2).toEqual({ value: 1, low: null, high: null });
    expect(metricOf('r2', numbers([[3], [3], [3]], targets))).toBe(0);
    expect(metricOf('r2', numbers([[6], [2], [-100]], targets))).toBeLessThan(-100);
  });

  it('of targets that are all the same is 1 where they are met, else 0', () => {
    expect(metricOf('r2', numbers([[5], [5]], [[5], [5]]))).toBe(1);
    expect(metricOf('r2', numbers([[5], [6]], [[5], [5]]))).toBe(0);
  });

  it('does not lose its digits to targets far from 0', () => {
    const targets = [[1_000_001], [1_000_002], [1_000_003]];
    expect(metricOf('r2', numbers([[1_000_001], [1_000_002], [1_000_004]], targets))).toBeCloseTo(0.5, 12);
  });

  it('of one sample is undefined', () => expect(measured(['r2'], numbers([[1]], [[2]])).r2).toBeNull());

  it('has an interval as wide as a bootstrap’s', () => {
    const { normal, int } = generator(4, 'r2');
    const targets = Array.from({ length: 400 }, () => [normal(), 2 * normal()]);
    const outputs = targets.map(([a, b]) => [a! + 0.6 * normal(), b! + normal()]);
    const { low, high } = measured(['r2'], numbers(outputs, targets)).r2!;
    const again = Array.from({ length: 600 }, () => {
      const drawn = targets.map(() => int(targets.length));
      return metricOf(
        'r2',
        numbers(
          drawn.map((at) => outputs[at]!),
          drawn.map((at) => targets[at]!),
        ),
      )!;
    }).sort((a, b) => a - b);
    expect((high! - low!) / (again[584]! - again[15]!)).toBeGreaterThan(0.88);
    expect((high! - low!) / (again[584]! - again[15]!)).toBeLessThan(1.12);
  });
});
