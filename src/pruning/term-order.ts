/** In which order the terms of singular value decompositions go. */
import type { Generator } from '../random.ts';

export interface Term {
  /** Which kernel's. */
  kernel: number;
  /** Its number in the kernel, from the largest singular value on. */
  term: number;
}

/**
 * Every term of every kernel, the first to go first: globally by its part of its kernel's sum of squares, or in the scope `layer` so that every kernel gives
 * the same fraction of its terms, the least first. `random` gives each kernel's terms in an order of its own instead.
 */
export function termOrder(spectra: readonly Float32Array[], random: Generator | null, scope: 'global' | 'layer'): Term[] {
  const terms = spectra.flatMap((values, kernel) => {
    const energy = values.reduce((sum, value) => sum + value * value, 0) || 1;
    const scores = Float64Array.from(values, (value) => (random ? random.uniform() : (value * value) / energy));
    const ranking = [...values.keys()].sort((a, b) => scores[a]! - scores[b]! || b - a);
    return ranking.map((term, place) => ({ kernel, term, score: scope === 'layer' ? place / values.length : scores[term]!, place }));
  });
  return terms.sort((a, b) => a.score - b.score || a.place - b.place || a.kernel - b.kernel).map(({ kernel, term }) => ({ kernel, term }));
}
