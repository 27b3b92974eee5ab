/** Whether two models look at the same pixels, beside what models agree on that have nothing in common. */
import type { SaliencySmoothing } from '../../jobs/spec/index.ts';
import { type Interval, meanInterval } from '../intervals.ts';

/** Of pairs of maps of the same inputs. */
export interface Agreement {
  /** Spearman's rank correlation over the pixels that either map counts at all, -1 to 1: of a dark background all models say the same. */
  rank_correlation: Interval;
  /** Intersection over union of the tenth of the pixels that counts most, 0 to 1. */
  top_overlap: Interval;
}

export interface SaliencyChecks {
  /** Those that maps are compared on, of those that were looked at: what both models get right, or of numbers all. Absent from results of older versions, as is `smoothing`. */
  chosen?: 'right_in_both' | 'all';
  /** SmoothGrad's; null of maps at the input itself. */
  smoothing?: SaliencySmoothing | null;
  inputs: number;
  looked_at: number;
  /** The result's maps with the original's. */
  agreement: Agreement | null;
  /** The original's own maps with those of the original whose last layer was drawn anew, the mean over the draws: what agrees because of the images alone. Null where no layer could be drawn. */
  noise_floor: Agreement | null;
  draws: number;
  /** (rank correlation - floor) / (1 - floor): 1 for the original itself, 0 for a last layer drawn anew. Null where either is missing. */
  above_floor: number | null;
  /** Whether the result is nearer to the original than to noise: `above_floor` is at least a half. A model that shares no right input fails. */
  agrees: boolean | null;
}

/** The fewest inputs that say anything. */
const FEWEST = 10;
/** Of the pixels, those that count most. */
const TOP = 0.1;

/** A map by the order of its pixels, which is all that agreement looks at. */
export interface RankedMap {
  /** Of each pixel from the smallest value, equals sharing their mean rank. */
  ranks: Float32Array;
  /** Pixels of the value 0, the smallest there is. */
  zeros: number;
  /** 1 for the tenth of the pixels that counts most. */
  top: Uint8Array;
}

/** How alike maps are, pair by pair. */
export interface MapPairs {
  correlations: Float64Array;
  overlaps: Float64Array;
}

/** Maps of the same inputs, in the same order. */
export function alike(ones: readonly RankedMap[], others: readonly RankedMap[]): MapPairs {
  const of = (measure: (one: RankedMap, other: RankedMap) => number) => Float64Array.from(ones, (one, at) => measure(one, others[at]!));
  return { correlations: of(rankCorrelation), overlaps: of(topOverlap) };
}

/** `own` of the result's maps with the original's, `floors` of each draw's. */
export function saliencyChecks(own: MapPairs, floors: readonly MapPairs[], lookedAt: number): SaliencyChecks {
  const inputs = own.correlations.length;
  const agreement = inputs === 0 ? null : agreementOf(own);
  const floor = inputs === 0 || floors.length === 0 ? null : agreementOf(meanPairs(floors));
  const ground = floor?.rank_correlation.value ?? Number.NaN;
  const above = agreement && floor ? (ground < 1 ? (agreement.rank_correlation.value - ground) / (1 - ground) : 1) : null;
  return {
    inputs,
    looked_at: lookedAt,
    agreement,
    noise_floor: floor,
    draws: floors.length,
    above_floor: above,
    agrees: floors.length === 0 ? null : inputs >= Math.min(FEWEST, lookedAt) && above !== null && above >= 0.5,
  };
}

function agreementOf({ correlations, overlaps }: MapPairs): Agreement {
  return { rank_correlation: meanInterval(correlations), top_overlap: meanInterval(overlaps) };
}

function meanPairs(draws: readonly MapPairs[]): MapPairs {
  const mean = (of: (pairs: MapPairs) => Float64Array) =>
    of(draws[0]!).map((_, at) => draws.reduce((sum, pairs) => sum + of(pairs)[at]!, 0) / draws.length);
  return { correlations: mean(({ correlations }) => correlations), overlaps: mean(({ overlaps }) => overlaps) };
}

/** Of values from 0 on. Of equals the earlier pixel counts less. */
export function rankedMap(values: Float32Array): RankedMap {
  const order = Uint32Array.from(values, (_, at) => at).sort((one, other) => values[one]! - values[other]! || one - other);
  const ranks = new Float32Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let at = from; at < to; at++) ranks[order[at]!] = (from + to - 1) / 2;
    from = to;
  }
  const top = new Uint8Array(values.length);
  for (const place of order.subarray(-Math.max(1, Math.round(values.length * TOP)))) top[place] = 1;
  return { ranks, zeros: values.reduce((count, value) => count + (value === 0 ? 1 : 0), 0), top };
}

/**
 * Spearman's over the pixels that are not 0 in both: Pearson's correlation of their ranks among these. Two maps that say nothing of any pixel agree (1); one of
 * a single value does not agree with another (0).
 */
export function rankCorrelation(a: RankedMap, b: RankedMap): number {
  let neither = 0;
  for (let at = 0; at < a.ranks.length; at++) if (a.ranks[at]! < a.zeros && b.ranks[at]! < b.zeros) neither += 1;
  const mean = (a.ranks.length - neither - 1) / 2;
  // Pixels of 0 share the ranks that are left below all others.
  const within = ({ ranks, zeros }: RankedMap, at: number): number =>
    (ranks[at]! < zeros ? (zeros - neither - 1) / 2 : ranks[at]! - neither) - mean;
  let [product, aa, bb] = [0, 0, 0];
  for (let at = 0; at < a.ranks.length; at++) {
    if (a.ranks[at]! < a.zeros && b.ranks[at]! < b.zeros) continue;
    const [x, y] = [within(a, at), within(b, at)];
    product += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa === 0 || bb === 0) return aa === bb ? 1 : 0;
  return product / Math.sqrt(aa * bb);
}

/** Intersection over union of the pixels that count most. */
export function topOverlap({ top: one }: RankedMap, { top: other }: RankedMap): number {
  let [shared, all] = [0, 0];
  for (let at = 0; at < one.length; at++) {
    shared += one[at]! & other[at]!;
    all += one[at]! | other[at]!;
  }
  return shared / all;
}
