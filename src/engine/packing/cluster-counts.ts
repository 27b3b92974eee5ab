/** The clusters of each kernel: what is asked for, or what a size of the file allows. */
import { gzipSync } from 'node:zlib';
import type { ModelDocument } from '../../model/document.ts';
import type { ModelFormat } from '../../model/facts.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { allocateClusters, type ClusterChoice } from '../../packing/allocate-clusters.ts';
import { sharedValues, weightsOf } from '../../packing/shared-values.ts';
import type { PrunableKernel } from '../../pruning/kernels.ts';

const LADDER = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/** Files are written at most so often until one fits. */
const ATTEMPTS = 8;

export interface Budget {
  bytes: number;
  format: ModelFormat;
  /** By key, how much the loss minds a change of each weight. */
  importance: ReadonlyMap<string, Float32Array>;
}

/**
 * By key, the clusters with which the file of the document has at most so many bytes and the loss minds them least. `withClusters` makes the document of
 * them. Null where two values for each kernel are not few enough. Kernels in `fixed` keep their number.
 */
export async function clustersForBytes(
  document: ModelDocument,
  kernels: readonly PrunableKernel[],
  fixed: ReadonlyMap<string, number>,
  { bytes: limit, format, importance }: Budget,
  withClusters: (clusters: ReadonlyMap<string, number>) => ModelDocument,
): Promise<Map<string, number> | null> {
  const choices = kernels.map(({ key }) => {
    const weights = document.weights.get(key)!.data;
    const own = fixed.get(key);
    return (own === undefined ? LADDER : [own]).map((clusters) => choiceOf(weights, importance.get(key)!, clusters));
  });
  const countsAt = (places: readonly number[]) =>
    new Map(kernels.map(({ key }, index) => [key, choices[index]![places[index]!]!.clusters] as const));
  const sizeAt = (places: readonly number[]) => fileBytes(withClusters(countsAt(places)), format);
  const foreseen = (places: readonly number[]) => choices.reduce((sum, list, index) => sum + list[places[index]!]!.bytes, 0);
  // What is in the file besides kernels, and how the foreseen bytes compare with those of the format, show in the smallest file.
  let places = choices.map(() => 0);
  let size = await sizeAt(places);
  if (size > limit) return null;
  let best = places;
  let budget = foreseen(places) + (limit - size);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const next = allocateClusters(choices, budget);
    if (next === null || next.every((place, index) => place === places[index])) break;
    places = next;
    size = await sizeAt(places);
    if (size <= limit && harmOf(choices, places) <= harmOf(choices, best)) best = places;
    budget = foreseen(places) + (limit - size) * (size > limit ? 1.1 : 0.9);
  }
  return new Map(countsAt(best));
}

function harmOf(choices: readonly (readonly ClusterChoice[])[], places: readonly number[]): number {
  return choices.reduce((sum, list, index) => sum + list[places[index]!]!.harm, 0);
}

function choiceOf(weights: Float32Array, importance: Float32Array, clusters: number): ClusterChoice {
  const made = weightsOf(sharedValues(weights, clusters));
  let harm = 0;
  for (const [index, weight] of weights.entries()) harm += importance[index]! * (weight - made[index]!) ** 2;
  return { clusters, bytes: gzipSync(new Uint8Array(made.buffer), { level: 6 }).length, harm };
}
