/** Rate-distortion rounding: whole numbers that are worth their bits. */
import { bitsAboveZero, codeCosts, oddsOf } from './code-costs.ts';

/**
 * The numbers (int32), each lowered towards 0 by one or to 0 where harm · change² is less than `weight` for each bit that it saves under the densities of them
 * all. `harm` float32: the loss that a change by one costs, element by element.
 */
export function worthTheirBits(multiples: Int32Array, harm: Float32Array, shape: readonly number[], weight: number): Int32Array {
  const costs = codeCosts(multiples, shape);
  const odds = oddsOf(costs, shape);
  return multiples.map((multiple, at) => {
    if (multiple === 0) return 0;
    const bits = (candidate: number): number => weight * bitsAboveZero(costs, odds[at]!, candidate);
    let [best, least] = [multiple, bits(multiple)];
    for (const candidate of [multiple - Math.sign(multiple), 0]) {
      const total = harm[at]! * (multiple - candidate) ** 2 + bits(candidate);
      if (total < least) [best, least] = [candidate, total];
    }
    return best;
  });
}
