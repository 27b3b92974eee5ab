/** What paired latency samples say. */
import { generator } from '../random.ts';
import type { Interval } from './intervals.ts';

export interface LatencySummary {
  median_ms: number;
  p95_ms: number;
}

export interface LatencyComparison {
  batch_size: number;
  pairs: number;
  original: LatencySummary;
  result: LatencySummary;
  /** Median of result / original over the pairs, with a 95 % bootstrap interval; below 1 the result is faster. */
  ratio: Interval;
}

const RESAMPLES = 1000;

/** Compares times in milliseconds, pair by pair. */
export function compareLatencies(
  original: readonly number[],
  result: readonly number[],
  seed: number,
): Omit<LatencyComparison, 'batch_size'> {
  const ratios = original.map((time, index) => result[index]! / time);
  const random = generator(seed, 'latency bootstrap');
  const medians = Array.from({ length: RESAMPLES }, () =>
    quantile(
      ratios.map(() => ratios[random.int(ratios.length)]!),
      0.5,
    ),
  ).sort((a, b) => a - b);
  return {
    pairs: ratios.length,
    original: { median_ms: quantile(original, 0.5), p95_ms: quantile(original, 0.95) },
    result: { median_ms: quantile(result, 0.5), p95_ms: quantile(result, 0.95) },
    ratio: { value: quantile(ratios, 0.5), low: quantile(medians, 0.025), high: quantile(medians, 0.975) },
  };
}

/** The quantile by linear interpolation. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}
