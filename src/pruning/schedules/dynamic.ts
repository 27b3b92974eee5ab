/** Dynamic Network Surgery (Guo 2016): weights leave and return by their size while all of them go on learning. */

import { nthSmallest } from '../nth-smallest.ts';

/** Below this fraction of the threshold a weight leaves, above the other it returns; between them it stays what it is (Guo 2016, eq. 4). */
export const LEAVES_BELOW = 0.9;
export const RETURNS_ABOVE = 1.1;

/** The probability that masks are looked at again `step` steps after the surgery began: (1 + γ·t)⁻¹. */
export function surgeryProbability(step: number, gamma: number): number {
  return 1 / (1 + gamma * step);
}

/**
 * The masks after one look. `magnitudes` are |w| of the weights behind the masks, `locked` has 0 where a weight never returns. All in the weight's order.
 */
export function spliced(mask: Uint8Array, magnitudes: Float32Array, threshold: number, locked: Uint8Array | undefined): Uint8Array {
  return mask.map((lives, index) => {
    if (locked && !locked[index]) return 0;
    const magnitude = magnitudes[index]!;
    if (magnitude < LEAVES_BELOW * threshold) return 0;
    return magnitude > RETURNS_ABOVE * threshold ? 1 : lives;
  });
}

/** mean|w| + c·sd(|w|) over the weights that are not 0 (Guo 2016, after eq. 4), at least 0. */
export function deviationThreshold(weights: Float32Array, deviations: number): number {
  let [sum, squares, count] = [0, 0, 0];
  for (const weight of weights) {
    if (weight === 0) continue;
    sum += Math.abs(weight);
    squares += weight * weight;
    count++;
  }
  if (count === 0) return 0;
  const mean = sum / count;
  return Math.max(0, mean + deviations * Math.sqrt(Math.max(0, squares / count - mean * mean)));
}

/** The threshold with `zeros` magnitudes below it: halfway between the last that goes and the first that stays. */
export function quantileThreshold(magnitudes: Float32Array, zeros: number): number {
  if (zeros === 0) return 0;
  const last = nthSmallest(magnitudes, zeros - 1);
  return zeros < magnitudes.length ? (last + nthSmallest(magnitudes, zeros)) / 2 : last;
}
