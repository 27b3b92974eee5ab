import { expect, it } from 'vitest';
import { constantLoss } from '../../src/report/constant-loss.ts';

it('is the entropy of classes, however they are written, and the variance of numbers', () => {
  const quarter = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
  expect(constantLoss('sparse_categorical_crossentropy', Int32Array.of(2, 0, 2, 2), 1)).toBeCloseTo(quarter, 12);
  expect(constantLoss('categorical_crossentropy', Float32Array.of(0, 1, 1, 0, 0, 1, 0, 1), 2)).toBeCloseTo(quarter, 12);
  // Two outputs, the second of which is always the same.
  expect(constantLoss('binary_crossentropy', Float32Array.of(0, 1, 1, 1, 0, 1, 0, 1), 2)).toBeCloseTo(quarter / 2, 12);
  expect(constantLoss('mean_squared_error', Float32Array.of(1, 10, 3, 14), 2)).toBeCloseTo((1 + 4) / 2, 12);
  // Class numbers count as the rows they stand for.
  const rows = constantLoss('mean_squared_error', Float32Array.of(0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1), 3)!;
  expect(constantLoss('mean_squared_error', Int32Array.of(2, 0, 2, 2), 1, 3)).toBeCloseTo(rows, 12);
});

it('is not told of other losses, nor of nothing', () => {
  expect(constantLoss('huber', Float32Array.of(1, 2), 1)).toBeNull();
  expect(constantLoss('mean_squared_error', new Float32Array(), 1)).toBeNull();
});
