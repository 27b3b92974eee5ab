/** What two models do differently on the same samples, and whether that is within what a caller allows. */
import type { Thresholds } from '../../jobs/spec/index.ts';
import { type Interval, meanInterval } from '../intervals.ts';
import { compareScores, type PairedComparison, type SampleScores } from '../scores.ts';
import { type CalibrationPair, calibrations } from './calibration.ts';
import { type ClassRecalls, classRecalls } from './class-recall.ts';
import { type NumberChecks, numberChecks } from './errors-of-numbers.ts';
import { type Flips, flipsOf } from './flips.ts';
import type { PairedSamples } from './paired-samples.ts';

/** What is missing for want of it, like classes of a regression, is null. */
export interface Checks {
  samples: number;
  /** Accuracy of classes, loss of numbers: result - original with a paired bootstrap interval. */
  comparison: PairedComparison;
  /** result - original of the mean loss, paired. */
  loss_difference: Interval;
  flips: Flips | null;
  recall: ClassRecalls | null;
  calibration: CalibrationPair | null;
  numbers: NumberChecks | null;
  /** Null where there are no thresholds. */
  verdict: 'passed' | 'failed' | null;
  thresholds: ThresholdResult[];
}

export interface ThresholdResult {
  name: keyof Thresholds;
  threshold: number;
  measured: number;
  holds: boolean;
  /** In words, with the interval where there is one. */
  reason: string;
}

/** `thresholds` null: nothing is judged. Throws an Error where a threshold is of what the samples do not have, which the POST refuses. */
export function makeChecks(
  paired: PairedSamples,
  scores: { original: SampleScores; result: SampleScores },
  options: { seed: number; thresholds: Thresholds | null },
): Checks {
  const measured: Omit<Checks, 'verdict' | 'thresholds'> = {
    samples: paired.samples,
    comparison: compareScores(scores.original, scores.result, options.seed),
    loss_difference: meanInterval(scores.result.losses.map((loss, at) => loss - scores.original.losses[at]!)),
    flips: paired.kind === 'numbers' ? null : flipsOf(flippedOf(paired), scores.original.hits, scores.result.hits),
    recall: paired.kind === 'classes' ? classRecalls(paired) : null,
    calibration: paired.kind === 'classes' ? calibrations(paired) : null,
    numbers: paired.kind === 'numbers' ? numberChecks(paired) : null,
  };
  const judged = judge(measured, options.thresholds);
  return {
    ...measured,
    verdict: judged.length === 0 ? null : judged.every(({ holds }) => holds) ? 'passed' : 'failed',
    thresholds: judged,
  };
}

function flippedOf(paired: Exclude<PairedSamples, { kind: 'numbers' }>): ArrayLike<number> {
  if (paired.kind === 'decisions') return paired.flipped;
  return paired.original.decided.map((decision, at) => (decision === paired.result.decided[at] ? 0 : 1));
}

type Measured = Omit<Checks, 'verdict' | 'thresholds'>;

/** How each threshold is measured; what is not there is a fault. */
const MEASURES: Record<keyof Thresholds, (checks: Measured) => { value: number; detail: string }> = {
  max_accuracy_drop: ({ comparison }) => {
    if (comparison.measure !== 'accuracy') throw missing('max_accuracy_drop');
    const { value, low, high } = comparison.difference;
    return { value: -value, detail: `the accuracy moved by ${value.toFixed(4)} (95 % ${low.toFixed(4)} to ${high.toFixed(4)})` };
  },
  max_loss_increase: ({ loss_difference: { value, low, high } }) => ({
    value,
    detail: `the mean loss moved by ${value.toPrecision(3)} (95 % ${low.toPrecision(3)} to ${high.toPrecision(3)})`,
  }),
  max_flip_rate: ({ flips }) => {
    if (!flips) throw missing('max_flip_rate');
    return { value: flips.flip_rate.value, detail: `${flips.flips} decisions are others (${inWords(flips.flip_rate)})` };
  },
  max_negative_flip_rate: ({ flips }) => {
    if (!flips) throw missing('max_negative_flip_rate');
    return {
      value: flips.negative_flip_rate.value,
      detail: `${flips.negative_flips} samples were right and are wrong now (${inWords(flips.negative_flip_rate)})`,
    };
  },
  max_class_recall_drop: ({ recall }) => {
    if (!recall) throw missing('max_class_recall_drop');
    const { worst } = recall;
    if (!worst) return { value: 0, detail: 'no class has lost recall' };
    const { value, low, high } = worst.difference;
    return {
      value: -value,
      detail: `class ${worst.class} went from ${worst.original.toFixed(4)} to ${worst.result.toFixed(4)} on ${worst.samples} samples (95 % ${low.toFixed(4)} to ${high.toFixed(4)})`,
    };
  },
  max_ece_increase: ({ calibration }) => {
    if (!calibration) throw missing('max_ece_increase');
    const [before, after] = [calibration.original.ece, calibration.result.ece];
    return { value: after - before, detail: `the calibration error went from ${before.toFixed(4)} to ${after.toFixed(4)}` };
  },
  max_divergence: ({ calibration }) => {
    if (!calibration) throw missing('max_divergence');
    const { value, low, high } = calibration.divergence;
    return { value, detail: `the mean divergence is ${value.toPrecision(3)} nats (95 % ${low.toPrecision(3)} to ${high.toPrecision(3)})` };
  },
};

function missing(name: keyof Thresholds): Error {
  return new Error(`${name} was not refused when the job was posted, and these samples have no such measure`);
}

function inWords({ value, low, high }: Interval): string {
  return `${(value * 100).toFixed(2)} %, 95 % ${(low * 100).toFixed(2)} to ${(high * 100).toFixed(2)}`;
}

function judge(measured: Measured, thresholds: Thresholds | null): ThresholdResult[] {
  return (Object.entries(thresholds ?? {}) as [keyof Thresholds, number | undefined][]).flatMap(([name, threshold]) => {
    if (threshold === undefined) return [];
    const { value, detail } = MEASURES[name](measured);
    // A value that is not a number is within nothing.
    const holds = value <= threshold;
    return [{ name, threshold, measured: value, holds, reason: `${detail}; ${threshold} is allowed` }];
  });
}
