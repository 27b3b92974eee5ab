/** On which samples two models decide differently. */
import { type Interval, wilson } from '../intervals.ts';
import { mcnemarExact } from '../scores.ts';

export interface Flips {
  /** Samples on which the decision is another, and their fraction. */
  flips: number;
  flip_rate: Interval;
  /** Right before, wrong now. */
  negative_flips: number;
  negative_flip_rate: Interval;
  /** Wrong before, right now. */
  positive_flips: number;
  /** Wrong before and wrong in another way now. */
  other_flips: number;
  /** McNemar's exact two-sided p of negative against positive flips, and the mid-p, which is less conservative (Fagerland 2013). */
  mcnemar_p: number;
  mcnemar_mid_p: number;
}

/** From decisions [samples] and hits [samples] (1 where all of a sample's decisions are right). */
export function flipsOf(flipped: ArrayLike<number>, original: ArrayLike<number>, result: ArrayLike<number>): Flips {
  const samples = flipped.length;
  let [all, negative, positive] = [0, 0, 0];
  for (let at = 0; at < samples; at++) {
    if (flipped[at]) all += 1;
    if (original[at] && !result[at]) negative += 1;
    if (!original[at] && result[at]) positive += 1;
  }
  return {
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
