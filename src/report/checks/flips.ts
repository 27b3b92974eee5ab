/** Where two models decide differently on the same samples. */
import { fractionInterval, type Measurement, wilson } from '../intervals.ts';
import { mcnemarExact } from '../scores.ts';
import type { PairedDecisions } from './paired-samples.ts';

/** Counts are of decisions, of which a sample with one class has one; rates are fractions of them, with intervals over samples. */
export interface Flips {
  /** All that were compared. Absent from results of older versions. */
  decisions?: number;
  /** Those that are others, and their fraction. */
  flips: number;
  flip_rate: Measurement;
  /** Right before, wrong now. */
  negative_flips: number;
  negative_flip_rate: Measurement;
  /** Wrong before, right now. */
  positive_flips: number;
  /** Wrong before and wrong in another way now. */
  other_flips: number;
  /**
   * McNemar's exact two-sided p of negative against positive flips, and the mid-p, which is less conservative (Fagerland 2013). Null where a sample has several
   * decisions: they depend on one another.
   */
  mcnemar_p: number | null;
  mcnemar_mid_p: number | null;
}

/** Of samples with one decision each: from whether it is another, [samples], and whether each model's is right, [samples] of 1 and 0. */
export function flipsOf(flipped: ArrayLike<number>, original: ArrayLike<number>, result: ArrayLike<number>): Flips {
  const samples = flipped.length;
  let [all, negative, positive] = [0, 0, 0];
  for (let at = 0; at < samples; at++) {
    if (flipped[at]) all += 1;
    if (original[at] && !result[at]) negative += 1;
    if (!original[at] && result[at]) positive += 1;
  }
  return {
    decisions: samples,
    flips: all,
    flip_rate: wilson(all, samples),
    negative_flips: negative,
    negative_flip_rate: wilson(negative, samples),
    positive_flips: positive,
    other_flips: all - negative - positive,
    mcnemar_p: mcnemarExact(negative, positive),
    mcnemar_mid_p: mcnemarMid(negative, positive),
  };
}

/** Of samples with several decisions each. */
export function flipsOfSeveral({ samples, decisions, flipped, lost, won }: PairedDecisions): Flips {
  const sum = (counts: Int32Array): number => counts.reduce((total, count) => total + count, 0);
  const rate = (counts: Int32Array): Measurement => fractionInterval(Float64Array.from(counts, (count) => count / decisions));
  const [all, negative, positive] = [sum(flipped), sum(lost), sum(won)];
  return {
    decisions: samples * decisions,
    flips: all,
    flip_rate: rate(flipped),
    negative_flips: negative,
    negative_flip_rate: rate(lost),
    positive_flips: positive,
    other_flips: all - negative - positive,
    mcnemar_p: null,
    mcnemar_mid_p: null,
  };
}

/** McNemar's mid-p: the exact p less the probability of what was seen. */
export function mcnemarMid(lost: number, won: number): number {
  const n = lost + won;
  if (n === 0) return 1;
  let logChoose = 0;
  for (let k = 1; k <= Math.min(lost, won); k++) logChoose += Math.log((n - k + 1) / k);
  const seen = Math.exp(logChoose - n * Math.LN2);
  // Where both are equal the exact p is capped at 1 although its two tails share what was seen.
  return lost === won ? 1 - seen / 2 : mcnemarExact(lost, won) - seen;
}
