/** How many zeros which kernels get, before anything is scored. */
import type { LayerSelection, Pruning } from '../jobs/spec/index.ts';
import { scopeOf } from './cells.ts';
import { inputCount, type PrunableKernel, unitCount } from './kernels.ts';

export interface ZerosOptions {
  /** The fraction of zeros among all weights of the kernels. */
  sparsity: number;
  scope: 'layer' | 'global' | 'erk';
  overrides?: LayerSelection['overrides'];
  /** The fraction that each kernel keeps at least where several are compared. null: a tenth of the density asked for. */
  minDensity?: number | null;
}

/** What a job of zeros asks for, at a sparsity that may be one on the way to its target. */
export function zerosOptions(
  pruning: Pick<Pruning, 'scope' | 'criterion' | 'structure' | 'layers' | 'min_layer_density'>,
  sparsity: number,
): Required<ZerosOptions> {
  const scope = scopeOf(pruning);
  if (scope === 'isomorphic') throw new Error('Weights are not compared by the build of groups');
  return { sparsity, scope, overrides: pruning.layers.overrides, minDensity: pruning.min_layer_density };
}

/** Kernels that get their zeros together. */
export interface ZerosPlan {
  kernels: PrunableKernel[];
  zeros: number;
}

export function countOf(kernels: readonly PrunableKernel[]): number {
  return kernels.reduce((total, kernel) => total + kernel.count, 0);
}

/** The largest sparsity that leaves every output unit one weight, and every kernel `minDensity` of its weights. */
export function largestSparsity(kernels: readonly PrunableKernel[], minDensity = 0): number {
  const count = countOf(kernels);
  const kept = kernels.reduce((total, kernel) => total + leastKept(kernel, minDensity), 0);
  return count === 0 ? 0 : 1 - kept / count;
}

/** What a kernel keeps at least. */
export function leastKept(kernel: PrunableKernel, minDensity: number): number {
  return Math.max(unitCount(kernel), Math.ceil(minDensity * kernel.count - 1e-9));
}

/** The floor under the density of each kernel of a pool: what was asked for, or a tenth of the density of the whole. */
export function densityFloor({ sparsity, scope, minDensity }: ZerosOptions): number {
  return scope === 'global' ? (minDensity ?? 0.1 * (1 - sparsity)) : 0;
}

/**
 * The plan: kernels with a fraction of their own by themselves, the others in one pool (global), each its share (layer), or each by its shape (erk);
 * round(sparsity · weights) in all unless the overrides alone are more.
 */
export function planZeros(kernels: readonly PrunableKernel[], options: ZerosOptions): ZerosPlan[] {
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
  const total = countOf(pool);
  const shares =
    options.scope === 'layer' ? pool.map((kernel) => (rest * kernel.count) / total) : erkZeros(pool, Math.max(0, total - rest));
  // Shares are cut from the running total, so that their roundings do not add up.
  let passed = 0;
  for (const [index, kernel] of pool.entries()) {
    const before = Math.round(passed);
    passed += shares[index]!;
    plan.push({ kernels: [kernel], zeros: Math.round(passed) - before });
  }
  return plan;
}

/**
 * Zeros of each kernel, real numbers, where its density is ε · (sum of its dimensions) / (their product), at most 1 (Evci 2020, RigL): of kernels that
 * would be above 1 all is kept, and ε is solved again for the others. A kernel with fewer weights than units would keep one a unit.
 */
function erkZeros(kernels: readonly PrunableKernel[], kept: number): number[] {
  const raw = kernels.map(({ shape, count }) => shape.reduce((sum, dimension) => sum + dimension, 0) / count);
  const fixed = new Map<number, number>();
  for (;;) {
    const free = [...kernels.keys()].filter((index) => !fixed.has(index));
    const left = [...fixed.values()].reduce((rest, density) => rest - density, kept);
    const epsilon = left / free.reduce((sum, index) => sum + raw[index]! * kernels[index]!.count, 0);
    const over = free.filter((index) => epsilon * raw[index]! > 1);
    const under = free.filter((index) => epsilon * raw[index]! * inputCount(kernels[index]!) < 1);
    // Whichever binds first: kernels that keep all, then those that keep one weight a unit.
    const bound = over.length > 0 ? over : under;
    if (bound.length === 0 || bound.length === free.length) {
      return kernels.map(({ count }, index) => count - (fixed.get(index) ?? Math.min(count, Math.max(0, epsilon * raw[index]! * count))));
    }
    for (const index of bound) fixed.set(index, over.length > 0 ? kernels[index]!.count : unitCount(kernels[index]!));
  }
}

/** Why a plan cannot be met, whatever the scores, or null where it can: each output unit keeps a weight, and the plan holds what is asked for. */
export function planFault(kernels: readonly PrunableKernel[], options: ZerosOptions): string | null {
  const plan = planZeros(kernels, options);
  const floor = densityFloor(options);
  for (const { kernels: together, zeros } of plan) {
    const count = countOf(together);
    const named = together.map((kernel) => kernel.layer).join(', ');
    const units = Math.round(largestSparsity(together) * count);
    if (zeros > units) {
      return `${zeros} zeros among the ${count} weights of ${named} would leave an output unit without any; at most ${units} can be zero.`;
    }
    const most = Math.round(largestSparsity(together, together.length > 1 ? floor : 0) * count);
    if (zeros > most) {
      return `${zeros} zeros among the ${count} weights of ${named} would leave a layer less than its min_layer_density; at most ${most} can be zero.`;
    }
  }
  const asked = Math.round(options.sparsity * countOf(kernels));
  const planned = plan.reduce((sum, { zeros }) => sum + zeros, 0);
  // Overrides of every layer round each for itself.
  if (planned < asked - kernels.length) return `The layers' own fractions leave ${planned} zeros of the ${asked} that are asked for.`;
  return null;
}

/** The largest sparsity that every output unit and every floor allows, found as scope and overrides divide it. */
export function furthestSparsity(kernels: readonly PrunableKernel[], options: (sparsity: number) => ZerosOptions): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 20; step++) {
    const middle = (low + high) / 2;
    if (planFault(kernels, options(middle)) === null) low = middle;
    else high = middle;
  }
  return low;
}
