/** Whether two models look at the same pixels, beside what models agree on that have nothing in common. */
import { type Interval, meanInterval } from '../intervals.ts';

/** Of pairs of maps of the same inputs. */
export interface Agreement {
  /** Spearman's rank correlation over the pixels, -1 to 1. */
  rank_correlation: Interval;
  /** Intersection over union of the tenth of the pixels that counts most, 0 to 1. */
  top_overlap: Interval;
}

export interface SaliencyChecks {
  /** Inputs that both models get right, of those that were looked at. */
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

/** How alike maps are, pair by pair. */
export interface MapPairs {
  correlations: Float64Array;
  overlaps: Float64Array;
}

export function alike(pairs: readonly (readonly [Float32Array, Float32Array])[]): MapPairs {
  return {
    correlations: Float64Array.from(pairs, ([one, other]) => spearman(one, other)),
    overlaps: Float64Array.from(pairs, ([one, other]) => topOverlap(one, other)),
  };
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

/** Pearson's correlation of the ranks, equals sharing their mean rank. Two maps of one value each agree; one such map with another does not (0). */
export function spearman(one: Float32Array, other: Float32Array): number {
  const [a, b] = [ranks(one), ranks(other)];
  const mean = (a.length - 1) / 2;
  let [product, aa, bb] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at]! - mean, b[at]! - mean];
    product += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa === 0 || bb === 0) return aa === bb ? 1 : 0;
  return product / Math.sqrt(aa * bb);
}

function ranks(values: Float32Array): Float64Array {
  const order = orderOf(values);
  const found = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let at = from; at < to; at++) found[order[at]!] = (from + to - 1) / 2;
    from = to;
  }
  return found;
}

/** Places from the smallest value to the largest; of equals the earlier place first. */
function orderOf(values: Float32Array): Uint32Array {
  return Uint32Array.from(values, (_, at) => at).sort((one, other) => values[one]! - values[other]! || one - other);
}

/** Intersection over union of the places of the largest tenth of each. */
export function topOverlap(one: Float32Array, other: Float32Array): number {
  const count = Math.max(1, Math.round(one.length * TOP));
  const top = new Set(orderOf(one).subarray(-count));
  let shared = 0;
  for (const place of orderOf(other).subarray(-count)) if (top.has(place)) shared += 1;
  return shared / (2 * count - shared);
}
