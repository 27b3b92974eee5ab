/** Unstructured pruning: which single weights become zero. */
import { Problem } from '../errors.ts';
import type { LayerSelection } from '../jobs/spec/index.ts';
import type { Weights } from '../model/document.ts';
import { type Graph, weightKey } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';

/** By weight key: 1 where the weight stays, 0 where it is pruned. */
export type Masks = Map<string, Uint8Array>;

/** A kernel that may be pruned. */
export interface PrunableKernel {
  key: string;
  layer: string;
  count: number;
  shape: readonly number[];
  /** The axis that counts the output units; each of them keeps at least one weight. */
  outputAxis: number;
}

/** The kernels of a graph that unstructured pruning may cut, by `include` and `exclude`; biases and normalisation are never cut. */
export function prunableKernels(graph: Graph, selection: Pick<LayerSelection, 'include' | 'exclude'>): PrunableKernel[] {
  return graph.layers
    .filter(
      (layer) => (selection.include === undefined || selection.include.includes(layer.name)) && !selection.exclude.includes(layer.name),
    )
    .flatMap((layer) =>
      layer.weights
        .filter((weight) => weight.role === 'kernel')
        .map((weight) => ({
          key: weightKey(layer, weight.name),
          layer: layer.name,
          count: size(weight.shape),
          shape: weight.shape,
          outputAxis: weight.axes?.output ?? weight.shape.length - 1,
        })),
    );
}

/** Masks of the kernels that have zeros already, which keep them; a kernel of nothing but zeros is untrained, not pruned. */
export function zeroMasks(kernels: readonly PrunableKernel[], weights: Weights): Masks {
  return new Map(
    kernels
      .map(({ key }): [string, Uint8Array] => [key, Uint8Array.from(weights.get(key)!.data, (value) => (value === 0 ? 0 : 1))])
      .filter(([, mask]) => mask.includes(0) && mask.includes(1)),
  );
}

/** The largest sparsity that leaves every output unit one weight. */
export function largestSparsity(kernels: readonly PrunableKernel[]): number {
  const count = countOf(kernels);
  const units = kernels.reduce((total, kernel) => total + kernel.shape[kernel.outputAxis]!, 0);
  return count === 0 ? 0 : 1 - units / count;
}

export interface ZerosOptions {
  sparsity: number;
  scope: 'layer' | 'global';
  overrides?: LayerSelection['overrides'];
}

/**
 * How many zeros which kernels get together: those with a fraction of their own by themselves, the others in one pool (global) or each its share
 * (layer), round(sparsity · weights) in all unless the overrides alone are more.
 */
export function planZeros(kernels: readonly PrunableKernel[], options: ZerosOptions): { kernels: PrunableKernel[]; zeros: number }[] {
  const own = (kernel: PrunableKernel): number | undefined => options.overrides?.[kernel.layer]?.sparsity;
  const plan = kernels
    .filter((kernel) => own(kernel) !== undefined)
    .map((kernel) => ({ kernels: [kernel], zeros: Math.round(own(kernel)! * kernel.count) }));
  const pool = kernels.filter((kernel) => own(kernel) === undefined);
  const asked = Math.round(options.sparsity * countOf(kernels));
  const rest = Math.max(
    0,
    plan.reduce((left, { zeros }) => left - zeros, asked),
  );
  if (options.scope === 'global') return pool.length === 0 ? plan : [...plan, { kernels: pool, zeros: rest }];
  // Shares are cut from the running total, so that their roundings do not add up.
  const total = countOf(pool);
  let passed = 0;
  for (const kernel of pool) {
    const before = Math.round((rest * passed) / total);
    passed += kernel.count;
    plan.push({ kernels: [kernel], zeros: Math.round((rest * passed) / total) - before });
  }
  return plan;
}

/** Why a plan cannot be met, whatever the scores, or null where it can: each output unit keeps a weight, and the plan holds what is asked for. */
export function planFault(kernels: readonly PrunableKernel[], options: ZerosOptions): string | null {
  const plan = planZeros(kernels, options);
  for (const { kernels: together, zeros } of plan) {
    const count = countOf(together);
    const most = Math.round(largestSparsity(together) * count);
    if (zeros > most) {
      return `${zeros} zeros among the ${count} weights of ${together.map((kernel) => kernel.layer).join(', ')} would leave an output unit without any; at most ${most} can be zero.`;
    }
  }
  const asked = Math.round(options.sparsity * countOf(kernels));
  const planned = plan.reduce((sum, { zeros }) => sum + zeros, 0);
  // Overrides of every layer round each for itself.
  if (planned < asked - kernels.length) return `The layers' own fractions leave ${planned} zeros of the ${asked} that are asked for.`;
  return null;
}

/**
 * Masks with the zeros of `planZeros`. Weights masked already stay so, which may be more; of the rest the lowest scores go, ties by position.
 * `scores` and `present` are by weight key and in the weight's order; scores must be finite.
 * Throws Problem TARGET_OUT_OF_REACH when every output unit could not keep a weight.
 */
export function chooseMasks(
  kernels: readonly PrunableKernel[],
  scores: ReadonlyMap<string, Float32Array>,
  present: Masks,
  options: ZerosOptions,
): Masks {
  const masks: Masks = new Map();
  for (const { kernels: together, zeros } of planZeros(kernels, options)) cut(together, zeros, scores, present, masks);
  return masks;
}

function countOf(kernels: readonly PrunableKernel[]): number {
  return kernels.reduce((total, kernel) => total + kernel.count, 0);
}

/** Cuts `asked` weights out of the kernels together and puts their masks into `masks`. */
function cut(
  kernels: readonly PrunableKernel[],
  asked: number,
  scores: ReadonlyMap<string, Float32Array>,
  present: Masks,
  masks: Masks,
): void {
  const total = countOf(kernels);
  const all = new Float32Array(total);
  let offset = 0;
  for (const kernel of kernels) {
    const own = all.subarray(offset, offset + kernel.count);
    own.set(scores.get(kernel.key)!);
    const mask = present.get(kernel.key);
    protectUnits(kernel, own, mask);
    if (mask) for (let index = 0; index < own.length; index++) if (!mask[index]) own[index] = Number.NEGATIVE_INFINITY;
    offset += kernel.count;
  }
  // What is masked already stays masked, even where less was asked for.
  const masked = all.reduce((count, score) => count + (score === Number.NEGATIVE_INFINITY ? 1 : 0), 0);
  const zeros = Math.max(asked, masked);
  const sorted = all.slice().sort();
  const threshold = zeros === 0 ? Number.NEGATIVE_INFINITY : (sorted[zeros - 1] ?? Number.POSITIVE_INFINITY);
  if (threshold === Number.POSITIVE_INFINITY || Number.isNaN(threshold)) {
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `${zeros} zeros among ${total} weights (${kernels.map((kernel) => kernel.layer).join(', ')}) would leave an output unit without any; at most ${(largestSparsity(kernels) * 100).toFixed(2)} % can be zero.`,
    );
  }
  // Of weights that score exactly the threshold, as many as are still needed, first come first cut.
  let below = 0;
  for (const score of all) if (score < threshold) below++;
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

/** Gives the best present weight of every output unit an infinite score. */
function protectUnits(kernel: PrunableKernel, scores: Float32Array, mask: Uint8Array | undefined): void {
  const units = kernel.shape[kernel.outputAxis]!;
  const inner = kernel.shape.slice(kernel.outputAxis + 1).reduce((product, dimension) => product * dimension, 1);
  const best = new Int32Array(units).fill(-1);
  for (let index = 0; index < scores.length; index++) {
    if (mask && !mask[index]) continue;
    const unit = Math.floor(index / inner) % units;
    if (best[unit] === -1 || scores[index]! > scores[best[unit]!]!) best[unit] = index;
  }
  for (const index of best) if (index >= 0) scores[index] = Number.POSITIVE_INFINITY;
}

/** The fraction of zeros among all weights of the kernels. */
export function sparsityOf(kernels: readonly PrunableKernel[], values: ReadonlyMap<string, { data: Float32Array }>): number {
  let zeros = 0;
  let total = 0;
  for (const kernel of kernels) {
    for (const value of values.get(kernel.key)!.data) if (value === 0) zeros++;
    total += kernel.count;
  }
  return total === 0 ? 0 : zeros / total;
}
