/** n of m consecutive inputs of an output unit. */
import { inputCount, matrixOrder, type PrunableKernel, unitCount } from '../kernels.ts';
import type { Masks } from '../masks.ts';
import type { Scores } from './unstructured.ts';

export interface Pattern {
  n: number;
  m: number;
}

/** How many of each m stay at a fraction kept on the way to the pattern: whole weights, never fewer than n. */
export function patternAt(kept: number, { n, m }: Pattern): Pattern {
  return { n: Math.min(m, Math.max(n, Math.ceil(kept * m - 1e-9))), m };
}

/** Zeros that the pattern makes in a kernel: of the inputs behind the last whole m those above n. */
export function patternZeros(kernel: PrunableKernel, { n, m }: Pattern): number {
  const inputs = inputCount(kernel);
  return unitCount(kernel) * (Math.floor(inputs / m) * (m - n) + Math.max(0, (inputs % m) - n));
}

/** Masks of the pattern: of every m consecutive inputs of a unit the n that score highest stay, of ties the first; what is masked already goes first. */
export function patternMasks(kernels: readonly PrunableKernel[], scores: Scores, present: Masks, { n, m }: Pattern): Masks {
  return new Map(
    kernels.map((kernel) => {
      const own = scores.get(kernel.key)!;
      const masked = present.get(kernel.key);
      const mask = masked?.slice() ?? new Uint8Array(kernel.count).fill(1);
      const [inputs, units, order] = [inputCount(kernel), unitCount(kernel), matrixOrder(kernel)];
      for (let unit = 0; unit < units; unit++) {
        for (let from = 0; from < inputs; from += m) {
          const live: number[] = [];
          for (let input = from; input < Math.min(inputs, from + m); input++) {
            const index = order[input * units + unit]!;
            if (mask[index]) live.push(index);
          }
          for (const index of live.sort((a, b) => own[b]! - own[a]!).slice(n)) mask[index] = 0;
        }
      }
      return [kernel.key, mask];
    }),
  );
}
