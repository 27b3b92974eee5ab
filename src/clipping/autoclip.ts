import type { ClippingOf } from '../jobs/spec/index.ts';
import { clippedTogether, jointLength } from './groups.ts';
import type { ClippingRule } from './rule.ts';

/** Stands for infinity, whose product with a share of 0 would be NaN. */
const NO_BOUND = 3e38;

/**
 * C_t = the p-th percentile of all global norms so far, the present one included, then `global_norm` (Seetharaman 2020). It binds on about 100 - p % of the
 * steps by design. The history is exact up to `history` steps, then the last `history`.
 *
 * The present norm n is known only inside the step, the history only outside. The percentile of both together needs three of the history's numbers: with
 * the past norms ascending as h, element i of the past with n among it is n clamped to [h(i-1), h(i)].
 */
export function autoclip({ percentile, history }: ClippingOf<'autoclip'>): ClippingRule {
  let past: number[] = [];
  let ascending: number[] = [];
  return {
    byDesign: true,
    inputs: 4,
    next() {
      const known = past.length < history ? ascending : without(ascending, past[0]!);
      const place = (percentile / 100) * known.length;
      const index = Math.floor(place);
      const at = (position: number): number => (position < 0 ? -NO_BOUND : (known[position] ?? NO_BOUND));
      return [at(index - 1), at(index), at(index + 1), place - index];
    },
    clip(a, { values, lengths }, [below, middle, above, share]) {
      const n = jointLength(a, lengths);
      const clamped = (low: typeof n, high: typeof n) => a.minimum(a.maximum(n, low), high);
      const lower = clamped(below!, middle!);
      const upper = clamped(middle!, above!);
      // Where the lower one is the last, the upper one is no element and its share is 0.
      const threshold = a.add(lower, a.multiply(share!, a.subtract(upper, lower)));
      return clippedTogether(a, values, n, threshold);
    },
    observe(before) {
      if (past.length === history) ascending = without(ascending, past.shift()!);
      past.push(before);
      ascending.splice(placeOf(ascending, before), 0, before);
    },
    memory: () => [...past],
    restore(memory) {
      past = [...(memory as number[])];
      ascending = [...past].sort((x, y) => x - y);
    },
  };
}

function without(ascending: readonly number[], value: number): number[] {
  const rest = [...ascending];
  rest.splice(placeOf(ascending, value), 1);
  return rest;
}

/** The first place whose number is not below the value. */
function placeOf(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
