/** Per-sample scores of a model on a split, and what they say with intervals. */
import { generator } from '../random.ts';

export interface SampleScores {
  kind: 'classification' | 'regression';
  /** Of each sample, in the split's order. */
  losses: Float64Array;
  /** Classification: 1 where the prediction is right. */
  hits: Uint8Array;
  /** Regression: mean |error| of the sample. */
  absoluteErrors: Float64Array;
}

export interface Interval {
  value: number;
  /** 95 %. */
  low: number;
  high: number;
}

export interface Quality {
  samples: number;
  loss: Interval;
  /** Fraction of right predictions, with Wilson's interval; null for regression. */
  accuracy: Interval | null;
  error: number | null;
  mean_absolute_error: Interval | null;
}

/** The quality a model shows in its scores. */
export function quality(scores: SampleScores): Quality {
  const samples = scores.losses.length;
  const classification = scores.kind === 'classification';
  const hits = scores.hits.reduce((sum, hit) => sum + hit, 0);
  return {
    samples,
    loss: meanInterval(scores.losses),
    accuracy: classification ? wilson(hits, samples) : null,
    error: classification ? 1 - hits / samples : null,
    mean_absolute_error: classification ? null : meanInterval(scores.absoluteErrors),
  };
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

export interface PairedComparison {
  /** result - original; accuracy for classification, loss otherwise. */
  measure: 'accuracy' | 'loss';
  difference: Interval;
  /** Classification: samples that only one of the two gets right, and McNemar's exact two-sided p. */
  only_original_right: number | null;
  only_result_right: number | null;
  mcnemar_p: number | null;
}

/** Two models on the same samples, with a paired percentile bootstrap of 2,000 resamples (normal beyond 20,000 samples). */
export function compareScores(original: SampleScores, result: SampleScores, seed: number): PairedComparison {
  const classification = original.kind === 'classification';
  const differences = Float64Array.from(original.losses, (loss, index) =>
    classification ? result.hits[index]! - original.hits[index]! : result.losses[index]! - loss,
  );
  const lost = classification ? differences.reduce((sum, difference) => sum + (difference < 0 ? 1 : 0), 0) : null;
  const won = classification ? differences.reduce((sum, difference) => sum + (difference > 0 ? 1 : 0), 0) : null;
  return {
    measure: classification ? 'accuracy' : 'loss',
    difference: pairedInterval(differences, seed),
    only_original_right: lost,
    only_result_right: won,
    mcnemar_p: lost === null || won === null ? null : mcnemarExact(lost, won),
  };
}

const RESAMPLES = 2000;

function pairedInterval(differences: Float64Array, seed: number): Interval {
  const n = differences.length;
  if (n > 20_000) return meanInterval(differences);
  const value = differences.reduce((sum, difference) => sum + difference, 0) / n;
  const random = generator(seed, 'paired bootstrap');
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let draw = 0; draw < n; draw++) sum += differences[random.int(n)]!;
    return sum / n;
  }).sort();
  return { value, low: means[Math.floor(0.025 * RESAMPLES)]!, high: means[Math.ceil(0.975 * RESAMPLES) - 1]! };
}

/** McNemar's exact two-sided p from the discordant pairs: twice the smaller binomial tail at ½, at most 1. */
export function mcnemarExact(b: number, c: number): number {
  const n = b + c;
  if (n === 0) return 1;
  // log of the binomial probabilities, so that large n does not underflow before it is summed.
  let logChoose = 0;
  let tail = 0;
  for (let k = 0; k <= Math.min(b, c); k++) {
    if (k > 0) logChoose += Math.log((n - k + 1) / k);
    tail += Math.exp(logChoose - n * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}
