/** Per-sample scores of a model on a split, and what they say with intervals. */
import { generator } from '../random.ts';
import { type Interval, type Measurement, meanInterval } from './intervals.ts';
import type { Measurements } from './metrics/index.ts';
import { accuracyOf, type RightDecisions } from './right-decisions.ts';

/** Of samples in the split's order. */
export interface SampleScores extends RightDecisions {
  kind: 'classification' | 'regression';
  /** [samples]. */
  losses: Float64Array;
  /** What was asked for, over the whole split. */
  metrics: Measurements;
}

/** Besides these, each metric that was asked for, null where the split leaves it undefined. */
export interface Quality extends Measurements {
  samples: number;
  loss: Interval;
  /** Fraction of right decisions, with its interval; also where it was not asked for, and null for regression unless it was. */
  accuracy: Measurement | null;
  error: number | null;
}

/** The quality a model shows in its scores. */
export function quality(scores: SampleScores): Quality {
  const { kind, losses, metrics } = scores;
  const accuracy = metrics.accuracy ?? (kind === 'classification' ? accuracyOf(scores) : null);
  return { samples: losses.length, loss: meanInterval(losses), ...metrics, accuracy, error: accuracy && 1 - accuracy.value };
}

export interface PairedComparison {
  /** result - original; accuracy for classification, loss otherwise. */
  measure: 'accuracy' | 'loss';
  difference: Interval;
  /** Of samples with one class each: those that only one of the two gets right, and McNemar's exact two-sided p. Null where a sample has several decisions. */
  only_original_right: number | null;
  only_result_right: number | null;
  mcnemar_p: number | null;
}

/** Two models on the same samples, with a paired percentile bootstrap of 2,000 resamples (normal beyond 20,000 samples). */
export function compareScores(original: SampleScores, result: SampleScores, seed: number): PairedComparison {
  const classification = original.kind === 'classification';
  const differences = Float64Array.from(original.losses, (loss, index) =>
    classification ? result.right[index]! - original.right[index]! : result.losses[index]! - loss,
  );
  const counted = classification && original.decisions <= 1;
  const lost = counted ? differences.reduce((sum, difference) => sum + (difference < 0 ? 1 : 0), 0) : null;
  const won = counted ? differences.reduce((sum, difference) => sum + (difference > 0 ? 1 : 0), 0) : null;
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
