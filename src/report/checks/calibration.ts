/** How far a model's probabilities can be believed, before and after. */
import { type Interval, meanInterval } from '../intervals.ts';
import type { ClassDecisions, PairedClasses } from './paired-samples.ts';

/** Of confidences between two bounds, the lower one excluded. */
export interface CalibrationBin {
  from: number;
  to: number;
  samples: number;
  /** Means; null where the bin is empty. */
  confidence: number | null;
  accuracy: number | null;
}

export interface Calibration {
  /** Expected calibration error over 15 bins of equal width (Guo 2017): mean |accuracy - confidence|, weighted by samples. */
  ece: number;
  bins: CalibrationBin[];
  /** Summed over the classes, 0 to 2 (Brier 1950). */
  brier: Interval;
}

export interface CalibrationPair {
  original: Calibration;
  result: Calibration;
  /** result - original, paired. */
  brier_difference: Interval;
  /** Mean Kullback-Leibler divergence of the result's probabilities from the original's, in nats. */
  divergence: Interval;
}

const BINS = 15;

/** Null where outputs are no probabilities. */
export function calibrations({ labels, original, result, divergence, probabilities }: PairedClasses): CalibrationPair | null {
  if (!probabilities) return null;
  return {
    original: calibrationOf(labels, original),
    result: calibrationOf(labels, result),
    brier_difference: meanInterval(result.brier.map((value, at) => value - original.brier[at]!)),
    divergence: meanInterval(divergence),
  };
}

export function calibrationOf(labels: ArrayLike<number>, { decided, confidence, brier }: ClassDecisions): Calibration {
  const sums = Array.from({ length: BINS }, () => ({ samples: 0, confidence: 0, right: 0 }));
  for (let at = 0; at < decided.length; at++) {
    const sure = confidence[at]!;
    if (Number.isNaN(sure)) continue;
    // (0, 1/15], (1/15, 2/15], ...
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.ceil(sure * BINS) - 1))]!;
    bin.samples += 1;
    bin.confidence += sure;
    bin.right += decided[at] === labels[at] ? 1 : 0;
  }
  const samples = sums.reduce((sum, bin) => sum + bin.samples, 0);
  return {
    ece: sums.reduce((sum, { confidence: sure, right }) => sum + Math.abs(right - sure), 0) / Math.max(1, samples),
    bins: sums.map((bin, number) => ({
      from: number / BINS,
      to: (number + 1) / BINS,
      samples: bin.samples,
      confidence: bin.samples === 0 ? null : bin.confidence / bin.samples,
      accuracy: bin.samples === 0 ? null : bin.right / bin.samples,
    })),
    brier: meanInterval(brier),
  };
}
