/** What flips and recalls are to classes, for numbers: quantiles of errors, and the group that has become worst. */
import { type Interval, meanInterval } from '../intervals.ts';
import type { PairedNumbers } from './paired-samples.ts';

export interface ErrorQuantiles {
  median: number;
  p90: number;
  p95: number;
  p99: number;
  largest: number;
}

/** Samples whose targets lie next to each other. */
export interface ErrorGroup {
  from: number;
  to: number;
  samples: number;
  /** Mean absolute errors, and result - original, paired. */
  original: number;
  result: number;
  difference: Interval;
}

export interface NumberChecks {
  original: ErrorQuantiles;
  result: ErrorQuantiles;
  /** How far outputs moved. */
  moved: ErrorQuantiles;
  /** result - original of the mean absolute error, paired. */
  difference: Interval;
  /** Up to ten groups of equal size by target. */
  groups: ErrorGroup[];
  /** The group whose error has grown most; null where none has. */
  worst: ErrorGroup | null;
}

const GROUPS = 10;

export function numberChecks({ samples, targets, original, result, moved }: PairedNumbers): NumberChecks {
  const order = Uint32Array.from({ length: samples }, (_, at) => at).sort((one, other) => targets[one]! - targets[other]!);
  const count = Math.min(GROUPS, samples);
  const groups = Array.from({ length: count }, (_, group): ErrorGroup => {
    const members = order.subarray(Math.floor((group * samples) / count), Math.floor(((group + 1) * samples) / count));
    const of = (errors: Float64Array) => members.reduce((sum, at) => sum + errors[at]!, 0) / members.length;
    return {
      from: targets[members[0]!]!,
      to: targets[members.at(-1)!]!,
      samples: members.length,
      original: of(original),
      result: of(result),
      difference: meanInterval(Float64Array.from(members, (at) => result[at]! - original[at]!)),
    };
  });
  const grown = groups.filter(({ difference }) => difference.value > 0);
  return {
    original: quantiles(original),
    result: quantiles(result),
    moved: quantiles(moved),
    difference: meanInterval(result.map((error, at) => error - original[at]!)),
    groups,
    worst: grown.reduce<ErrorGroup | null>(
      (most, group) => (most === null || group.difference.value > most.difference.value ? group : most),
      null,
    ),
  };
}

/** By linear interpolation between order statistics, as numpy's default. */
export function quantiles(values: Float64Array): ErrorQuantiles {
  const sorted = values.toSorted();
  const at = (q: number): number => {
    const place = q * (sorted.length - 1);
    const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return below + (above - below) * (place - Math.floor(place));
  };
  return { median: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), largest: at(1) };
}
