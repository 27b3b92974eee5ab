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
  const total = countOf(kernels);
  const all = new Float32Array(total);
  let offset = 0;
  for (const kernel of kernels) {
    const own = all.subarray(offset, offset + kernel.count);
    own.set(scores.get(kernel.key)!);
    const mask = present.get(kernel.key);
    if (mask) for (let index = 0; index < own.length; index++) if (!mask[index]) own[index] = Number.NEGATIVE_INFINITY;
    protectUnits(kernel, own);
    protectBest(own, Math.ceil(floor * kernel.count - 1e-9));
    offset += kernel.count;
  }
  // What is masked already stays masked, even where less was asked for.
  const masked = countEqual(all, Number.NEGATIVE_INFINITY);
  const zeros = Math.max(asked, masked);
  const threshold = zeros === 0 ? Number.NEGATIVE_INFINITY : zeros > total ? Number.POSITIVE_INFINITY : nthSmallest(all, zeros - 1);
  if (threshold === Number.POSITIVE_INFINITY || Number.isNaN(threshold)) {
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `${zeros} zeros among ${total} weights (${kernels.map((kernel) => kernel.layer).join(', ')}) would leave an output unit without any, or a layer less than its min_layer_density; at most ${(largestSparsity(kernels, floor) * 100).toFixed(2)} % can be zero.`,
    );
  }
  // Of weights that score exactly the threshold, as many as are still needed, first come first cut.
  let below = 0;
  for (let index = 0; index < total; index++) if (all[index]! < threshold) below++;
  let ties = zeros - below;
  offset = 0;
  for (const kernel of kernels) {
    const mask = new Uint8Array(kernel.count);
    for (let index = 0; index < kernel.count; index++) {
      const score = all[offset + index]!;
      const goes = score < threshold || (score === threshold && zeros > 0 && ties-- > 0);
      mask[index] = goes ? 0 : 1;
    }
    masks.set(kernel.key, mask);
    offset += kernel.count;
  }
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
