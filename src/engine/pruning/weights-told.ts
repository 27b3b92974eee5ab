import type { WeightStructure } from '../../jobs/spec/index.ts';
import type { PrunableKernel } from '../../pruning/kernels.ts';
import type { Masks } from '../../pruning/masks.ts';
import { blocksOf } from '../../pruning/structures/block.ts';
import { scoreSpread } from '../../report/score-spread.ts';
import type { KernelCut, WeightsRemoved } from '../../report/weights-removed.ts';

/**
 * What a cut came to by kernel. `present` are the masks before it, `masks` those after it; `scores` in each weight's order, null where a plan named what goes.
 */
export function weightsTold(
  structure: WeightStructure,
  kernels: readonly PrunableKernel[],
  cut: { scores: ReadonlyMap<string, Float32Array> | null; present: Masks; masks: Masks },
): WeightsRemoved {
  const toldOf = structure.type === 'block' ? (kernel: PrunableKernel, of: Sides) => blocksTold(kernel, of, structure) : singlesTold;
  return {
    of: structure.type === 'block' ? 'blocks' : 'weights',
    kernels: kernels.map((kernel) => {
      const { key, count } = kernel;
      const before = cut.present.get(key) ?? new Uint8Array(count).fill(1);
      return { kernel: key, ...toldOf(kernel, { scores: cut.scores?.get(key) ?? null, before, after: cut.masks.get(key)! }) };
    }),
  };
}

/** A kernel's scores, and its masks before and after the cut. */
interface Sides {
  scores: Float32Array | null;
  before: Uint8Array;
  after: Uint8Array;
}

type Told = Omit<KernelCut, 'kernel'>;

function singlesTold({ count }: PrunableKernel, { scores, before, after }: Sides): Told {
  const left = after.reduce((sum, lives) => sum + lives, 0);
  const of = (lives: number) => (scores ?? new Float32Array()).filter((_, at) => before[at] && after[at] === lives);
  return { before: count, after: left, ...scoreSpread(of(1), of(0)) };
}

function blocksTold(kernel: PrunableKernel, { scores, before, after }: Sides, shape: Extract<WeightStructure, { type: 'block' }>): Told {
  const blocks = blocksOf(kernel, scores ?? new Float32Array(kernel.count), before, shape);
  const lives = ({ indices }: (typeof blocks)[number]) => indices.some((index) => after[index]);
  const scored = scores ? blocks.filter(({ live }) => live > 0) : [];
  const of = (side: boolean) => scored.filter((block) => lives(block) === side).map(({ score }) => score);
  return { before: blocks.length, after: blocks.filter(lives).length, ...scoreSpread(of(true), of(false)) };
}
