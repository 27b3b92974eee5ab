/** What two models do differently on the same samples, and whether that is within what a caller allows. */
import type { Thresholds } from '../../jobs/spec/index.ts';
import { type Interval, type Measurement, meanInterval } from '../intervals.ts';
import { isNeverRight } from '../right-decisions.ts';
import { compareScores, type PairedComparison, type SampleScores } from '../scores.ts';
import { type CalibrationPair, calibrations } from './calibration.ts';
import { type ClassRecalls, classRecalls } from './class-recall.ts';
import { type NumberChecks, numberChecks } from './errors-of-numbers.ts';
import { type Flips, flipsOf, flipsOfSeveral } from './flips.ts';
import type { ChangedInput } from './most-changed.ts';
import type { PairedClasses, PairedDecisions, PairedSamples } from './paired-samples.ts';
import { type RobustnessChecks, worstAttack } from './robustness.ts';
import type { SaliencyChecks } from './saliency.ts';

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
  robustness: RobustnessChecks | null;
  saliency: SaliencyChecks | null;
  /** Absent from results of older versions. */
  most_changed?: ChangedInput[];
  /** Null where there are no thresholds. */
  verdict: 'passed' | 'failed' | null;
  thresholds: ThresholdResult[];
}

export interface ThresholdResult {
  name: keyof Thresholds;
  threshold: number;
  /** Null where the engine could not measure it, which holds nothing. */
  measured: number | null;
  holds: boolean;
  /** In words, with the interval where there is one. */
  reason: string;
}

/** `thresholds` null: nothing is judged. Throws an Error where a threshold is of what the samples do not have, which the POST refuses. */
export function makeChecks(
  paired: PairedSamples,
  scores: { original: SampleScores; result: SampleScores },
  options: { seed: number; thresholds: Thresholds | null } & Partial<Pick<Checks, 'robustness' | 'saliency' | 'most_changed'>>,
): Checks {
  const measured: Omit<Checks, 'verdict' | 'thresholds'> = {
    samples: paired.samples,
    comparison: compareScores(scores.original, scores.result, options.seed),
    loss_difference: meanInterval(scores.result.losses.map((loss, at) => loss - scores.original.losses[at]!)),
    flips: flipsBetween(paired, scores),
    recall: paired.kind === 'classes' ? classRecalls(paired) : null,
    calibration: paired.kind === 'classes' ? calibrations(paired) : null,
    numbers: paired.kind === 'numbers' ? numberChecks(paired) : null,
    robustness: options.robustness ?? null,
    saliency: options.saliency ?? null,
    most_changed: options.most_changed ?? [],
  };
  const judged = judge({ ...measured, neverRight: isNeverRight(scores.original) }, options.thresholds);
  return {
    ...measured,
    verdict: judged.length === 0 ? null : judged.every(({ holds }) => holds) ? 'passed' : 'failed',
    thresholds: judged,
  };
}

function flipsBetween(paired: PairedSamples, { original, result }: { original: SampleScores; result: SampleScores }): Flips | null {
  if (paired.kind === 'numbers') return null;
  if (paired.kind === 'decisions' && paired.decisions > 1) return flipsOfSeveral(paired);
  return flipsOf(flippedOf(paired), original.right, result.right);
}

function flippedOf(paired: PairedClasses | PairedDecisions): ArrayLike<number> {
  if (paired.kind === 'decisions') return paired.flipped;
  return paired.original.decided.map((decision, at) => (decision === paired.result.decided[at] ? 0 : 1));
}

/** `neverRight`: the original gets no decision right. */
type Measured = Omit<Checks, 'verdict' | 'thresholds'> & { neverRight: boolean };

/** How each threshold is measured; what is not there is a fault. */
const MEASURES: Record<keyof Thresholds, (checks: Measured) => { value: number; detail: string; least?: true }> = {
  max_accuracy_drop: ({ comparison, neverRight }) => {
    if (comparison.measure !== 'accuracy') throw missing('max_accuracy_drop');
    // A drop of 0 from 0 would be within anything.
    if (neverRight) return { value: Number.NaN, detail: 'the original gets no decision right and has no accuracy that could be lost' };
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
      detail: `${flips.negative_flips} decisions were right and are wrong now (${inWords(flips.negative_flip_rate)})`,
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
  max_robust_accuracy_drop: ({ robustness }) => {
    const worst = robustness && worstAttack(robustness);
    if (!worst) return UNMEASURED;
    const { attack, epsilon, original, result, difference } = worst;
    return {
      value: -difference.value,
      detail: `under ${attack.toUpperCase()} with epsilon ${epsilon.toPrecision(3)} the accuracy is ${result.value.toFixed(4)} where the original has ${original.value.toFixed(4)} (95 % of the difference ${difference.low.toFixed(4)} to ${difference.high.toFixed(4)})`,
    };
  },
  max_corrupted_accuracy_drop: ({ robustness }) => {
    const mean = robustness?.corrupted;
    if (!mean) return UNMEASURED;
    return {
      value: -mean.difference,
      detail: `over all corruptions the mean accuracy is ${mean.result.toFixed(4)} where the original has ${mean.original.toFixed(4)}`,
    };
  },
  min_saliency_agreement: ({ saliency }) => {
    if (saliency?.above_floor == null) return { ...UNMEASURED, least: true };
    const { agreement, noise_floor: floor, inputs, above_floor: value } = saliency;
    return {
      value,
      detail: `on ${inputs} inputs that both get right maps correlate by ${agreement!.rank_correlation.value.toFixed(3)}, with the last layer drawn anew by ${floor!.rank_correlation.value.toFixed(3)}`,
      least: true,
    };
  },
};

/** What the engine could not measure is within nothing. */
const UNMEASURED = { value: Number.NaN, detail: 'it could not be measured' };

function missing(name: keyof Thresholds): Error {
  return new Error(`${name} was not refused when the job was posted, and these samples have no such measure`);
}

function inWords({ value, low, high }: Measurement): string {
  const ends = low === null || high === null ? '' : `, 95 % ${(low * 100).toFixed(2)} to ${(high * 100).toFixed(2)}`;
  return `${(value * 100).toFixed(2)} %${ends}`;
}

function judge(measured: Measured, thresholds: Thresholds | null): ThresholdResult[] {
  return (Object.entries(thresholds ?? {}) as [keyof Thresholds, number | undefined][]).flatMap(([name, threshold]) => {
    if (threshold === undefined) return [];
    const { value, detail, least } = MEASURES[name](measured);
    // A value that is not a number is within nothing.
    const holds = least ? value >= threshold : value <= threshold;
    const limit = least ? `at least ${threshold} is asked for` : `${threshold} is allowed`;
    return [{ name, threshold, measured: Number.isNaN(value) ? null : value, holds, reason: `${detail}; ${limit}` }];
  });
}
