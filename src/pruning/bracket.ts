/** Between which fractions of the original a search for the furthest cut still looks. */
import { measureOf, type PruneSpec } from '../jobs/spec/index.ts';
import { parameterCount, totalMacs } from '../model/costs.ts';
import type { Graph } from '../model/graph.ts';
import { furthestCut } from './allocation.ts';
import { groupsToCut, kernelsToCut } from './candidates.ts';
import { channelMap } from './groups.ts';
import { macsMeasure, parametersMeasure } from './measures.ts';
import { countOf, furthestSparsity, zerosOptions } from './zeros.ts';

export interface Bracket {
  /** At and below it cuts lose too much, or there are none. */
  low: number;
  /** A cut to it holds; 1 is no cut. */
  high: number;
}

/** The fraction of the measure of the target that is kept when all goes that may, of zeros that of weights that are not. */
export function smallestKept({ pruning }: PruneSpec, graph: Graph): number {
  const { measure } = measureOf(pruning.target);
  const { structure } = pruning;
  if (structure.type === 'channels') {
    const map = channelMap(graph);
    const [counted, whole] =
      measure === 'parameters' ? [parametersMeasure(map), parameterCount(graph).total] : [macsMeasure(map), totalMacs(graph)];
    return counted.of(furthestCut(map, groupsToCut(map, pruning).groups, { ...structure, overrides: pruning.layers.overrides })) / whole;
  }
  const { kernels } = kernelsToCut(graph, pruning);
  const sparsity = furthestSparsity(kernels, (asked) => zerosOptions(pruning, asked));
  if (measure !== 'parameters') return 1 - sparsity;
  const all = parameterCount(graph).total;
  return (all - sparsity * countOf(kernels)) / all;
}

/** Brackets narrower than this are not looked into: neighbouring cuts are alike. */
const NARROW = 1.01;

/** Where to try next: halfway in proportion, so that each trial halves how often the model may still be halved; null where it is not worth one. */
export function nextKept({ low, high }: Bracket): number | null {
  return high / low < NARROW ? null : Math.sqrt(low * high);
}

/** The bracket once a cut asked down to `asked`, which left `kept`, was tried. */
export function tried({ low, high }: Bracket, { asked, kept, holds }: { asked: number; kept: number; holds: boolean }): Bracket {
  return holds ? { low, high: Math.min(asked, kept) } : { low: asked, high };
}
