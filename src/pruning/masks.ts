/** Which single weights live. */
import type { WeightStructure } from '../jobs/spec/index.ts';
import type { Weights } from '../model/document.ts';
import type { PrunableKernel } from './kernels.ts';
import { blockMasks } from './structures/block.ts';
import { patternAt, patternMasks } from './structures/n-m.ts';
import { type Scores, unitwiseMasks, unstructuredMasks } from './structures/unstructured.ts';
import type { ZerosOptions } from './zeros.ts';

/** By weight key: 1 where the weight stays, 0 where it is pruned. */
export type Masks = Map<string, Uint8Array>;

/** Masks of the kernels that have zeros already, which keep them; a kernel of nothing but zeros is untrained, not pruned. */
export function zeroMasks(kernels: readonly PrunableKernel[], weights: Weights): Masks {
  return new Map(
    kernels
      .map(({ key }): [string, Uint8Array] => [key, Uint8Array.from(weights.get(key)!.data, (value) => (value === 0 ? 0 : 1))])
      .filter(([, mask]) => mask.includes(0) && mask.includes(1)),
  );
}

/** The weights with those that are masked at +0. */
export function masked(weights: Weights, masks: ReadonlyMap<string, Uint8Array>): Weights {
  const result = new Map(weights);
  for (const [key, mask] of masks) {
    const { shape, data } = weights.get(key)!;
    result.set(key, { shape, data: data.map((value, index) => (mask[index] ? value : 0)) });
  }
  return result;
}

/**
 * The masks of a structure by scores, at the sparsity that is asked for now. `unitwise` compares scores within each output unit only.
 * Throws Problem TARGET_OUT_OF_REACH.
 */
export function chooseMasks(
  structure: WeightStructure,
  kernels: readonly PrunableKernel[],
  scores: Scores,
  present: Masks,
  options: ZerosOptions,
  unitwise = false,
): Masks {
  switch (structure.type) {
    case 'unstructured':
      return (unitwise ? unitwiseMasks : unstructuredMasks)(kernels, scores, present, options);
    case 'n_m':
      return patternMasks(kernels, scores, present, patternAt(1 - options.sparsity, structure));
    case 'block':
      return blockMasks(kernels, scores, present, structure, options, unitwise);
  }
}

/** Values that are exactly zero. */
export function countZeros(values: Float32Array | Uint8Array): number {
  let zeros = 0;
  for (let index = 0; index < values.length; index++) if (values[index] === 0) zeros++;
  return zeros;
}

/** The fraction of zeros among all weights of the kernels. */
export function sparsityOf(kernels: readonly PrunableKernel[], values: ReadonlyMap<string, { data: Float32Array }>): number {
  let zeros = 0;
  let total = 0;
  for (const kernel of kernels) {
    zeros += countZeros(values.get(kernel.key)!.data);
    total += kernel.count;
  }
  return total === 0 ? 0 : zeros / total;
}
