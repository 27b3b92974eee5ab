import { generator } from '../random.ts';

/** The order in which an epoch visits the positions 0 to n - 1 of a split, `[n]`: the same for the same seed and epoch, on every machine. */
export function epochOrder(seed: number, epoch: number, n: number): Uint32Array {
  return generator(seed, 'epoch order', epoch).permutation(n);
}
