/** Numeric assertions that say where the first difference is. */
import { expect } from 'vitest';

export interface Tolerance {
  /** Allowed |actual - expected|, as a fraction of the largest |expected|. */
  relative?: number;
  /** Allowed |actual - expected|. */
  absolute?: number;
}

/** The largest |actual - expected|, as a fraction of the largest |expected|; infinite where one is not finite and the other differs. */
export function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let scale = 0;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Object.is(actual[index], expected[index]) ? 0 : Math.abs(actual[index]! - expected[index]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(expected[index]!));
    largest = Math.max(largest, difference);
  }
  return largest === 0 ? 0 : largest / scale;
}

/** Fails with the first index that differs by more than the tolerance, and what stands there. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance, what = 'values'): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  let scale = 0;
  for (let index = 0; index < expected.length; index++) scale = Math.max(scale, Math.abs(expected[index]!));
  const allowed = Math.max((tolerance.relative ?? 0) * scale, tolerance.absolute ?? 0);
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [actual[index]!, expected[index]!];
    if (Object.is(a, b) || Math.abs(a - b) <= allowed) continue;
    expect.fail(`${what} differ first at index ${index} of ${expected.length}: ${a}, expected ${b}; at most ${allowed} apart`);
  }
}

/** Fails with the first index whose bits differ: -0 is not +0, and NaN is NaN. */
export function expectSameBits(actual: ArrayLike<number>, expected: ArrayLike<number>, what = 'values'): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let index = 0; index < expected.length; index++) {
    if (Object.is(actual[index], expected[index])) continue;
    expect.fail(`${what} differ first at index ${index} of ${expected.length}: ${actual[index]}, expected ${expected[index]}`);
  }
}
