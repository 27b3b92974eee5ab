/** Thresholds of their own for groups of weights. */
import type { Arithmetic, Clipped, ClippedTensor } from './rule.ts';

/** The group of each tensor: k + 1 where pattern k is the first that fits its layer or key, 0 (the rule's own threshold) where none does. */
export function groupOf(tensors: readonly ClippedTensor[], groups: readonly { layers: string }[]): number[] {
  const patterns = groups.map(({ layers }) => patternOf(layers));
  return tensors.map(({ key, layer }) => patterns.findIndex((pattern) => pattern.test(layer) || pattern.test(key)) + 1);
}

/** A pattern as a regular expression over a whole name; `*` stands for any characters. */
export function patternOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/** √ of the sum of squares of lengths, [n]. Where squares overflow, of lengths as fractions of the largest. */
export function jointLength<T>(a: Arithmetic<T>, lengths: T): T {
  const lengthOf = (vector: T): T => a.sqrt(a.sum(a.square(vector)));
  const plain = lengthOf(lengths);
  const largest = a.at(a.maxAlong(lengths, [0]), 0);
  return a.select(a.greater(plain, LARGEST), a.multiply(largest, lengthOf(a.divide(lengths, largest))), plain);
}

/** All gradients scaled down together where their joint length is above the threshold. */
export function clippedTogether<T>(a: Arithmetic<T>, values: readonly T[], length: T, threshold: T): Clipped<T> {
  const factor = shrinkage(a, length, threshold);
  return {
    values: values.map((gradient) => a.multiply(gradient, factor)),
    threshold,
    fraction: a.greater(length, threshold),
    length: a.multiply(length, factor),
  };
}

/** What a gradient of this length is multiplied by to be no longer than the limit: limit / length, or 1. */
export function shrinkage<T>(a: Arithmetic<T>, length: T, limit: T): T {
  return a.select(a.greater(length, limit), a.divide(limit, length), 1);
}
