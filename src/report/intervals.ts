/** 95 % intervals of what is measured on samples that are independent of one another. */

export interface Interval {
  value: number;
  /** 95 %. */
  low: number;
  high: number;
}

/** A value whose ends are null where the data do not bound it: too few samples, or none that differs from the others. */
export interface Measurement {
  value: number;
  /** 95 %. */
  low: number | null;
  high: number | null;
}

const Z95 = 1.959963984540054;

/** A mean with its normal 95 % interval. */
export function meanInterval(values: Float64Array): Interval {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = Z95 * Math.sqrt(variance / n);
  return { value: mean, low: mean - half, high: mean + half };
}

/** A proportion with Wilson's 95 % score interval (Wilson 1927), which holds near 0 and 1. */
export function wilson(successes: number, n: number): Interval {
  const p = successes / n;
  const z2 = Z95 * Z95;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z95 / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return { value: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * A value with its normal 95 % interval, cut to [lowest, highest]. `influence` says how far each sample moves the value, so that its variance is the sum
 * of their squares (the infinitesimal jackknife, Efron 1982). Where no sample moves it, as with perfect scores, the ends are null: a width of 0 would claim
 * what a finite sample cannot show.
 */
export function influenceInterval(value: number, influence: Float64Array, lowest: number, highest: number): Measurement {
  const half = Z95 * Math.sqrt(influence.reduce((sum, moved) => sum + moved * moved, 0));
  // Rounding leaves a few last bits where nothing moves.
  if (!Number.isFinite(half) || half < 1e-12) return { value, low: null, high: null };
  return { value, low: Math.max(lowest, value - half), high: Math.min(highest, value + half) };
}

/** The mean of fractions, one a sample, with its normal 95 % interval, cut to 0 and 1; where all are the same the ends are null. */
export function fractionInterval(fractions: Float64Array): Measurement {
  const n = fractions.length;
  const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / n;
  const scale = Math.sqrt(n * (n - 1));
  return influenceInterval(
    mean,
    fractions.map((fraction) => (fraction - mean) / scale),
    0,
    1,
  );
}

/** Student's t at 97.5 %, by degrees of freedom from 1 on. */
const T975 = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098,
  2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452,
];

/** The mean of a few values with its 95 % interval of Student's t; of one value the ends are null, and of none there is nothing. Of up to 30 values. */
export function tInterval(values: readonly number[]): Measurement | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { value: mean, low: null, high: null };
  const quantile = T975[n - 2];
  if (quantile === undefined) throw new RangeError(`Intervals are of ${T975.length + 1} values at most. Received: ${n}`);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = quantile * Math.sqrt(variance / n);
  return { value: mean, low: mean - half, high: mean + half };
}
