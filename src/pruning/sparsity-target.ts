/** Targets of zeros in other words: the sparsity that leaves so many weights, or so many bytes. */
import type { Pruning } from '../jobs/spec/index.ts';
import { parameterCount } from '../model/costs.ts';
import { type ModelDocument, withWeights } from '../model/document.ts';
import type { ModelFormat } from '../model/facts.ts';
import { fileBytes } from '../model/formats/index.ts';
import type { Graph } from '../model/graph.ts';
import { kernelsToCut } from './candidates.ts';
import { fitMeasured } from './fit-measured.ts';
import type { PrunableKernel } from './kernels.ts';
import { type Masks, masked, sparsityOf, zeroMasks } from './masks.ts';
import { unstructuredMasks } from './structures/unstructured.ts';
import { countOf, furthestSparsity, type ZerosOptions, zerosOptions } from './zeros.ts';

/** The sparsity of the prunable kernels with which so large a fraction of all the model's weights is not zero; above 1 where no sparsity is enough. */
export function sparsityForParameters(graph: Graph, kernels: readonly PrunableKernel[], kept: number): number {
  return ((1 - kept) * parameterCount(graph).total) / countOf(kernels);
}

/** A size that a model's file shall not go beyond, without the state of an optimizer. */
export interface FileLimit {
  bytes: number;
  format: ModelFormat;
}

/** Files are written at most so often. */
const ATTEMPTS = 10;
const TOLERANCE = 0.004;

/**
 * The sparsity at which a file is no larger than `bytes`, by writing it with its smallest weights at zero: which weights they are makes little difference
 * to how it deflates. Null where no sparsity that leaves every output unit a weight is enough.
 */
export async function sparsityForBytes(document: ModelDocument, pruning: Pruning, { bytes, format }: FileLimit): Promise<number | null> {
  const { kernels } = kernelsToCut(document.graph, pruning);
  const options = (sparsity: number) => zerosOptions(pruning, sparsity);
  const most = furthestSparsity(kernels, options);
  const whole = await fileBytes(document, format);
  // Zeros that are there stay.
  const present = 1 - sparsityOf(kernels, document.weights);
  const fitted = await fitMeasured({
    limit: bytes,
    least: 1 - most,
    most: Math.max(present, 1 - most),
    guess: (present * bytes) / whole,
    attempts: ATTEMPTS,
    tolerance: TOLERANCE,
    measureAt: async (kept) => {
      const smaller = zeroed(document, smallest(document, kernels, options(1 - kept)));
      return { cut: 1 - kept, cost: await fileBytes(smaller, format) };
    },
  });
  return fitted?.cut ?? null;
}

function smallest(document: ModelDocument, kernels: readonly PrunableKernel[], asked: ZerosOptions): Masks {
  const scores = new Map(kernels.map(({ key }) => [key, document.weights.get(key)!.data.map(Math.abs)]));
  return unstructuredMasks(kernels, scores, zeroMasks(kernels, document.weights), asked);
}

function zeroed(document: ModelDocument, masks: Masks): ModelDocument {
  return { ...withWeights(document, masked(document.weights, masks)), ...(document.optimizer ? { optimizer: document.optimizer } : {}) };
}

/**
 * A trained model with as many more of its smallest weights at zero as its file needs to be no larger than `bytes`: training changes how well weights
 * deflate. The model itself where it is small enough, or where nothing helps.
 */
export async function trimmedToBytes(document: ModelDocument, pruning: Pruning, limit: FileLimit): Promise<ModelDocument> {
  if ((await fileBytes(document, limit.format)) <= limit.bytes) return document;
  const sparsity = await sparsityForBytes(document, pruning, limit);
  if (sparsity === null) return document;
  const { kernels } = kernelsToCut(document.graph, pruning);
  return zeroed(document, smallest(document, kernels, zerosOptions(pruning, sparsity)));
}
