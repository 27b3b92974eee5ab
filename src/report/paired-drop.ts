/** How much accuracy a result has lost, at the most, by the samples that both models decided. */
import type { Interval } from './intervals.ts';
import { isNeverRight, meanRight, type RightDecisions } from './right-decisions.ts';

export interface PairedDrop {
  /** Accuracy of the original less that of the result. */
  drop: number;
  /** The one-sided 95 % upper bound of it; 1, all there could be, where the original gets no decision right and so has nothing to lose. */
  bound: number;
}

/** Of the one-sided 95 % level. */
const Z = 1.6448536269514722;

/** The drop from one model's decisions to another's on the same samples. */
export function pairedDrop(original: RightDecisions, result: RightDecisions): PairedDrop {
  const n = original.right.length;
  if (isNeverRight(original)) return { drop: -meanRight(result), bound: 1 };
  const drops = original.right.map((fraction, index) => fraction - result.right[index]!);
  if (original.decisions > 1) return { drop: meanOf(drops), bound: meanDropBound(drops) };
  let [lost, won] = [0, 0];
  for (const drop of drops) {
    if (drop > 0) lost++;
    if (drop < 0) won++;
  }
  return { drop: (lost - won) / n, bound: dropBound(lost, won, n) };
}

/**
 * The one-sided 95 % upper bound of the mean of `drops`, one a sample, each from -1 to 1, where samples have several decisions: the largest δ that the score
 * test of the hypothesis does not reject that besides what was seen, of variance s², a fraction ε of the samples lost all, δ = mean + ε: n·ε² = z²·(s² + ε·(1 - ε)).
 * For many samples it is mean + z·s/√n; where all drops are the same it is z²/(n + z²) above it, as of single decisions.
 */
export function meanDropBound(drops: Float64Array, z = Z): number {
  const n = drops.length;
  const mean = meanOf(drops);
  const variance = drops.reduce((sum, drop) => sum + (drop - mean) ** 2, 0) / Math.max(1, n - 1);
  const [a, b, c] = [n + z * z, z * z, z * z * variance];
  return Math.min(1, mean + (b + Math.sqrt(b * b + 4 * a * c)) / (2 * a));
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The one-sided 95 % upper bound of the difference of two paired proportions, by inverting the score test (Tango 1998): `lost` of `n` samples only the
 * original gets right, `won` only the result. Where no decision differs it is not 0 but z²/(n + z²), since so few samples cannot show more.
 */
export function dropBound(lost: number, won: number, n: number, z = Z): number {
  /** The score statistic of the hypothesis that the drop is `drop`; falls as it grows. */
  const score = (drop: number): number => {
    const a = 2 * n;
    const b = -lost - won + (2 * n - lost + won) * drop;
    const c = -won * drop * (1 - drop);
    const wonThen = (Math.sqrt(Math.max(0, b * b - 4 * a * c)) - b) / (2 * a);
    const variance = n * (2 * wonThen + drop * (1 - drop));
    const distance = lost - won - n * drop;
    return variance > 0 ? distance / Math.sqrt(variance) : Math.sign(distance) * Number.POSITIVE_INFINITY;
  };
  let [low, high] = [(lost - won) / n, 1];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (score(middle) > -z) low = middle;
    else high = middle;
  }
  return high;
}

/** Of the two-sided 95 % level. */
const Z_BOTH = 1.959963984540054;

/** The difference, result less original, of two paired proportions, with Tango's two-sided 95 % interval; counts as for `dropBound`. */
export function differenceInterval(lost: number, won: number, n: number): Interval {
  return { value: (won - lost) / n, low: -dropBound(lost, won, n, Z_BOTH), high: dropBound(won, lost, n, Z_BOTH) };
}

/** The least bound that so many samples can show, of two models that decide alike, however many decisions a sample has. */
export function smallestBound(samples: number): number {
  return samples === 0 ? 1 : dropBound(0, 0, samples);
}
