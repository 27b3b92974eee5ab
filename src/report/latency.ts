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

const FEWEST_PAIRS = 30;
const MOST_PAIRS = 400;
/** What 30 pairs may take; of slower models there are fewer, and a wider interval. */
const SLOW_SECONDS = 20;
const LEAST_PAIRS = 8;
/** An interval this wide, as a fraction of the ratio, is narrow: on a machine that does nothing else 30 pairs make it narrower. */
const NARROW = 0.04;
/** Pairs between two looks at the interval. */
const LOOK_EVERY = 10;

/** What is spent on a comparison: `seconds` on any, and up to `patience` seconds where its interval is still wide. */
export interface TimingSeconds {
  seconds: number;
  patience: number;
}

/** Of what is told of every model. */
export const TOLD: TimingSeconds = { seconds: 1.5, patience: 1.5 };
/** Runs of both that warm up, fewer where one takes long. */
export const WARM_UP = { runs: 5, seconds: 2 };

/** The seconds that such a comparison takes at most, of two models that take `round` seconds together. */
export function mostComparisonSeconds(round: number): number {
  const warmUp = Math.min(WARM_UP.runs * round, WARM_UP.seconds + round);
  return warmUp + Math.max(TOLD.seconds, Math.min(FEWEST_PAIRS * round, Math.max(SLOW_SECONDS + round, LEAST_PAIRS * round)));
}

/** Whether pairs that took `elapsed` seconds are enough; `width` is that of their interval as a fraction of the ratio. */
export function pairsSuffice(pairs: number, elapsed: number, { seconds, patience }: TimingSeconds, width: () => number): boolean {
  if (pairs >= MOST_PAIRS) return true;
  if (pairs < FEWEST_PAIRS) return pairs >= LEAST_PAIRS && elapsed >= SLOW_SECONDS;
  return elapsed >= Math.max(seconds, patience) || (elapsed >= seconds && pairs % LOOK_EVERY === 0 && width() <= NARROW);
}

/** The quantile by linear interpolation. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}
