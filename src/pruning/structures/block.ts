/** Blocks of a kernel's matrix [inputs, output units] that become zero together. */
import { Problem } from '../../errors.ts';
import { inputCount, matrixOrder, type PrunableKernel, unitCount } from '../kernels.ts';
import type { Masks } from '../masks.ts';
import { countOf, densityFloor, leastKept, planZeros, type ZerosOptions } from '../zeros.ts';
import type { Scores } from './unstructured.ts';

export interface BlockShape {
  /** Consecutive inputs. */
  rows: number;
  /** Consecutive output units. */
  cols: number;
}

interface Block {
  kernel: PrunableKernel;
  /** Which blocks share its output units. */
  strip: number;
  /** Its elements in the kernel. */
  indices: Int32Array;
  /** Elements that are not masked yet. */
  live: number;
  /** Mean score of its elements, 0 for masked ones. */
  score: number;
}

/**
 * Masks of whole blocks: those of the lowest mean score go until the zeros of `planZeros` are there, which the last block may exceed. At the borders
 * blocks are smaller. Every output unit keeps a block, and every kernel of a pool its floor. With `stripwise`, each strip of output units gives the
 * same fraction (as wanda compares).
 * Throws Problem TARGET_OUT_OF_REACH where that leaves too few zeros.
 */
export function blockMasks(
  kernels: readonly PrunableKernel[],
  scores: Scores,
  present: Masks,
  shape: BlockShape,
  options: ZerosOptions,
  stripwise = false,
): Masks {
  const masks: Masks = new Map(
    kernels.map((kernel) => [kernel.key, present.get(kernel.key)?.slice() ?? new Uint8Array(kernel.count).fill(1)]),
  );
  for (const { kernels: together, zeros } of planZeros(kernels, options)) {
    const floor = together.length > 1 ? densityFloor(options) : 0;
    const blocks = together.flatMap((kernel) => blocksOf(kernel, scores.get(kernel.key)!, masks.get(kernel.key)!, shape));
    if (stripwise) {
      for (const strip of Map.groupBy(blocks, ({ kernel, strip }) => `${kernel.key} ${strip}`).values()) {
        cut(strip, (zeros * sizeOf(strip)) / countOf(together), 0, masks);
      }
    } else cut(blocks, zeros, floor, masks);
  }
  return masks;
}

/** Throws Problem INCOMPATIBLE_OPTIONS where a mask takes a part of a block that is not zero already, and leaves the rest. */
export function checkWholeBlocks(kernel: PrunableKernel, mask: Uint8Array, weights: Float32Array, shape: BlockShape): void {
  for (const { indices, live } of blocksOf(kernel, weights, mask, shape)) {
    if (live === 0 || live === indices.length) continue;
    if (!indices.some((index) => !mask[index] && weights[index] !== 0)) continue;
    throw new Problem(
      'INCOMPATIBLE_OPTIONS',
      `The plan takes ${indices.length - live} of the ${indices.length} weights of a block of ${kernel.key}; blocks of ${shape.rows} by ${shape.cols} go whole.`,
    );
  }
}

/** The blocks of a kernel, strip by strip; `scores` and `mask` are in the weight's order. */
export function blocksOf(kernel: PrunableKernel, scores: Float32Array, mask: Uint8Array, { rows, cols }: BlockShape): Block[] {
  const [inputs, units, order] = [inputCount(kernel), unitCount(kernel), matrixOrder(kernel)];
  const blocks: Block[] = [];
  for (let firstUnit = 0; firstUnit < units; firstUnit += cols) {
    for (let firstInput = 0; firstInput < inputs; firstInput += rows) {
      const indices: number[] = [];
      for (let input = firstInput; input < Math.min(inputs, firstInput + rows); input++) {
        for (let unit = firstUnit; unit < Math.min(units, firstUnit + cols); unit++) indices.push(order[input * units + unit]!);
      }
      const alive = indices.filter((index) => mask[index]);
      blocks.push({
        kernel,
        strip: firstUnit / cols,
        indices: Int32Array.from(indices),
        live: alive.length,
        score: alive.reduce((sum, index) => sum + scores[index]!, 0) / indices.length,
      });
    }
  }
  return blocks;
}

function sizeOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { indices }) => sum + indices.length, 0);
}

/** Masks the lowest blocks until `asked` elements of them are zero, those that were so before included. */
function cut(blocks: readonly Block[], asked: number, floor: number, masks: Masks): void {
  const kept = protectedBlocks(blocks, floor);
  let zeros = blocks.reduce((sum, { indices, live }) => sum + indices.length - live, 0);
  const ranking = blocks.filter((block) => block.live > 0 && !kept.has(block)).sort((a, b) => a.score - b.score);
  for (const { kernel, indices, live } of ranking) {
    // Half an element is less than rounding leaves of an exact share.
    if (zeros >= asked - 0.5) return;
    const mask = masks.get(kernel.key)!;
    for (const index of indices) mask[index] = 0;
    zeros += live;
  }
  if (zeros < asked - 0.5) {
    const names = [...new Set(blocks.map(({ kernel }) => kernel.layer))];
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `${Math.round(asked)} zeros among ${sizeOf(blocks)} weights (${names.join(', ')}) would leave an output unit without a block, or a layer less than its min_layer_density; ${zeros} is the most. Ask for less, or for smaller blocks.`,
    );
  }
}

/** The best live block of every strip, and of every kernel as many of the best as its floor takes. */
function protectedBlocks(blocks: readonly Block[], floor: number): Set<Block> {
  const best = (of: readonly Block[]): Block[] => of.filter(({ live }) => live > 0).sort((a, b) => b.score - a.score);
  const strips = Map.groupBy(blocks, ({ kernel, strip }) => `${kernel.key} ${strip}`);
  const kept = new Set([...strips.values()].flatMap((strip) => best(strip).slice(0, 1)));
  if (floor === 0) return kept;
  for (const own of Map.groupBy(blocks, ({ kernel }) => kernel).values()) {
    let live = own.reduce((sum, block) => sum + (kept.has(block) ? block.live : 0), 0);
    const least = Math.ceil(floor * own[0]!.kernel.count - 1e-9);
    for (const block of best(own)) {
      if (live >= least) break;
      if (!kept.has(block)) live += block.live;
      kept.add(block);
    }
  }
  return kept;
}

/** The largest sparsity that blocks of this shape can make: every strip of output units keeps one block, every kernel of a pool its floor. */
export function largestBlockSparsity(kernels: readonly PrunableKernel[], { rows, cols }: BlockShape, minDensity: number): number {
  const count = countOf(kernels);
  const kept = kernels.reduce((sum, kernel) => {
    const strips = unitCount(kernel) * Math.min(rows, inputCount(kernel));
    const least = leastKept(kernel, minDensity);
    // The floor is made of whole blocks.
    return sum + Math.min(kernel.count, strips >= least ? strips : least + rows * cols);
  }, 0);
  return count === 0 ? 0 : 1 - kept / count;
}
