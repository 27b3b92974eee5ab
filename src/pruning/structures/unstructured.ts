/** Single weights: the lowest scores of a pool go, ties by position. */
import { Problem } from '../../errors.ts';
import { isMatrix, matrixOrder, type PrunableKernel, unitCount } from '../kernels.ts';
import type { Masks } from '../masks.ts';
import { nthSmallest } from '../nth-smallest.ts';
import { countOf, densityFloor, largestSparsity, planZeros, type ZerosOptions } from '../zeros.ts';

/** Scores by weight key, float32, in the weight's order; finite, the lowest goes first. */
export type Scores = ReadonlyMap<string, Float32Array>;

/**
 * Masks with the zeros of `planZeros`. Weights masked already stay so, which may be more; of the rest the lowest scores go. Every output unit, where it
 * has one, keeps its best weight, and every kernel of a pool its floor.
 * Throws Problem TARGET_OUT_OF_REACH when that leaves too few zeros.
 */
export function unstructuredMasks(kernels: readonly PrunableKernel[], scores: Scores, present: Masks, options: ZerosOptions): Masks {
  const masks: Masks = new Map();
  const floor = densityFloor(options);
  for (const { kernels: together, zeros } of planZeros(kernels, options)) {
    cut(together, zeros, scores, present, masks, together.length > 1 ? floor : 0);
  }
  return masks;
}

/** The same with every output unit giving the same fraction of its own weights (Sun 2023). */
export function unitwiseMasks(kernels: readonly PrunableKernel[], scores: Scores, present: Masks, options: ZerosOptions): Masks {
  const masks: Masks = new Map();
  for (const { kernels: together, zeros } of planZeros(kernels, options)) {
    for (const [index, kernel] of together.entries()) {
      const share = Math.round((zeros * countOf(together.slice(0, index + 1))) / countOf(together));
      const before = Math.round((zeros * countOf(together.slice(0, index))) / countOf(together));
      masks.set(kernel.key, cutUnits(kernel, share - before, scores.get(kernel.key)!, present.get(kernel.key)));
    }
  }
  return masks;
}

/** Cuts `asked` weights out of the kernels together and puts their masks into `masks`. */
function cut(kernels: readonly PrunableKernel[], asked: number, scores: Scores, present: Masks, masks: Masks, floor: number): void {
  const all = new Float32Array(countOf(kernels));
  const pool: Pooled[] = [];
  // What is masked already stays masked, even where less was asked for.
  let masked = 0;
  let offset = 0;
  for (const kernel of kernels) {
    const own = all.subarray(offset, offset + kernel.count);
    own.set(scores.get(kernel.key)!);
    const mask = present.get(kernel.key);
    if (mask) masked += hide(own, mask);
    protectUnits(kernel, own);
    pool.push({ kernel, scores: own, least: Math.ceil(floor * kernel.count - 1e-9) });
    offset += kernel.count;
  }
  const zeros = Math.max(asked, masked);
  for (;;) {
    const threshold = thresholdOf(all, zeros);
    if (threshold === Number.POSITIVE_INFINITY || Number.isNaN(threshold)) {
      throw new Problem(
        'TARGET_OUT_OF_REACH',
        `${zeros} zeros among ${all.length} weights (${kernels.map((kernel) => kernel.layer).join(', ')}) would leave an output unit without any, or a layer less than its min_layer_density; at most ${(largestSparsity(kernels, floor) * 100).toFixed(2)} % can be zero.`,
      );
    }
    // Of weights that score exactly the threshold, as many as are still needed, first come first cut.
    let ties = zeros === 0 ? 0 : zeros - countBelow(all, threshold);
    const low: Pooled[] = [];
    for (const pooled of pool) {
      const mask = new Uint8Array(pooled.kernel.count);
      const { kept, cutAtThreshold } = keepAbove(pooled.scores, threshold, ties, mask);
      ties -= cutAtThreshold;
      masks.set(pooled.kernel.key, mask);
      if (kept < pooled.least) low.push(pooled);
    }
    if (low.length === 0) return;
    // Floors are seldom met: their weights are looked for where they are.
    for (const pooled of low) {
      protectBest(pooled.scores, pooled.least);
      pooled.least = 0;
    }
  }
}

/** A kernel among others that are cut together. */
interface Pooled {
  kernel: PrunableKernel;
  /** Its part of all scores. */
  scores: Float32Array;
  /** How many of its weights have to stay; 0 once these are protected. */
  least: number;
}

/** The score up to which `zeros` weights go; ∞ where there are not so many. */
function thresholdOf(scores: Float32Array, zeros: number): number {
  if (zeros === 0) return Number.NEGATIVE_INFINITY;
  return zeros > scores.length ? Number.POSITIVE_INFINITY : nthSmallest(scores, zeros - 1);
}

// Loops over weights are functions of their own: V8 compiles a function that is called often better than a loop in one that is not.

/** Puts masked weights below all others; how many there are. */
function hide(scores: Float32Array, mask: Uint8Array): number {
  let hidden = 0;
  for (let index = 0; index < scores.length; index++) {
    if (mask[index] === 0) {
      scores[index] = Number.NEGATIVE_INFINITY;
      hidden++;
    }
  }
  return hidden;
}

function countBelow(scores: Float32Array, threshold: number): number {
  let count = 0;
  for (let index = 0; index < scores.length; index++) if (scores[index]! < threshold) count++;
  return count;
}

/** Marks what stays: all above the threshold, and at it all but the first `ties`. */
function keepAbove(scores: Float32Array, threshold: number, ties: number, mask: Uint8Array): { kept: number; cutAtThreshold: number } {
  let tied = 0;
  let kept = 0;
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index]!;
    if (score < threshold || (score === threshold && tied++ < ties)) continue;
    mask[index] = 1;
    kept++;
  }
  return { kept, cutAtThreshold: Math.min(tied, ties) };
}

function countEqual(values: Float32Array, value: number): number {
  let count = 0;
  for (let index = 0; index < values.length; index++) if (values[index] === value) count++;
  return count;
}

/** Gives the best present weight of every output unit an infinite score. */
function protectUnits(kernel: PrunableKernel, scores: Float32Array): void {
  const units = unitCount(kernel);
  // Most kernels stand as their matrix does.
  const order = isMatrix(kernel) ? null : matrixOrder(kernel);
  const best = new Int32Array(units).fill(-1);
  const highest = new Float32Array(units).fill(Number.NEGATIVE_INFINITY);
  for (let at = 0, unit = 0; at < scores.length; at++, unit = unit + 1 === units ? 0 : unit + 1) {
    const index = order === null ? at : order[at]!;
    const score = scores[index]!;
    if (score > highest[unit]!) {
      highest[unit] = score;
      best[unit] = index;
    }
  }
  for (const index of best) if (index >= 0) scores[index] = Number.POSITIVE_INFINITY;
}

/** Gives the `kept` best weights an infinite score, those that have one already among them. */
function protectBest(scores: Float32Array, kept: number): void {
  if (kept === 0) return;
  const already = countEqual(scores, Number.POSITIVE_INFINITY);
  if (kept <= already) return;
  const threshold = nthSmallest(scores, scores.length - kept);
  if (threshold === Number.NEGATIVE_INFINITY) return;
  let left = kept - already;
  for (let index = 0; index < scores.length; index++) {
    if (scores[index]! > threshold && scores[index] !== Number.POSITIVE_INFINITY) {
      scores[index] = Number.POSITIVE_INFINITY;
      left--;
    }
  }
  for (let index = 0; index < scores.length && left > 0; index++) {
    if (scores[index] === threshold) {
      scores[index] = Number.POSITIVE_INFINITY;
      left--;
    }
  }
}

/** Each unit gives its share of `asked`; the shares are cut from the running total. */
function cutUnits(kernel: PrunableKernel, asked: number, scores: Float32Array, present: Uint8Array | undefined): Uint8Array {
  const units = unitCount(kernel);
  const inputs = kernel.count / units;
  const order = matrixOrder(kernel);
  const mask = present?.slice() ?? new Uint8Array(kernel.count).fill(1);
  for (let unit = 0; unit < units; unit++) {
    const share = Math.round((asked * (unit + 1)) / units) - Math.round((asked * unit) / units);
    const own = Array.from({ length: inputs }, (_, input) => order[input * units + unit]!);
    const live = own.filter((index) => mask[index]);
    const more = Math.min(share - (inputs - live.length), live.length - 1);
    if (more <= 0) continue;
    for (const index of live.sort((a, b) => scores[a]! - scores[b]! || a - b).slice(0, more)) mask[index] = 0;
  }
  return mask;
}
