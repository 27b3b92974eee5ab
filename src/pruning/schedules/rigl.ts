/** The Rigged Lottery (Evci 2020): a fixed number of weights whose places change, from the smallest to where the loss would gain most. */
import { matrixOrder, type PrunableKernel, unitCount } from '../kernels.ts';

/** The fraction of the living weights that change places after `step` of `last` steps: f/2·(1 + cos(πt/T)) (Evci 2020, eq. 1). */
export function regrowthFraction(step: number, last: number, fraction: number): number {
  return (fraction / 2) * (1 + Math.cos((Math.PI * Math.min(step, last)) / last));
}

/** Whether weights change places after `step`: every `every` steps (more often in short runs, so that there are at least ten) before `last`. */
export function regrowsAt(step: number, last: number, every: number): boolean {
  return step > 0 && step < last && step % Math.max(1, Math.min(every, Math.floor(last / 10))) === 0;
}

/**
 * The mask of a kernel after floor(fraction · living) of its weights have changed places: the smallest |w| leave, then the largest |gradient| among all that
 * do not live return, one that has just left included, which then keeps its value. The largest weight of each output unit stays. Ties by position.
 * `locked` has 0 where a weight never returns. Arrays in the weight's order.
 */
export function regrown(
  kernel: Pick<PrunableKernel, 'shape' | 'inputAxes'>,
  {
    weights,
    gradients,
    mask,
    locked,
  }: { weights: Float32Array; gradients: Float32Array; mask: Uint8Array; locked: Uint8Array | undefined },
  fraction: number,
): Uint8Array {
  const places = [...mask.keys()];
  const living = places.filter((place) => mask[place]);
  const kept = new Set(largestOfUnits(kernel, weights, mask));
  const size = (place: number): number => Math.abs(weights[place]!);
  const leaving = living
    .filter((place) => !kept.has(place))
    .sort((a, b) => size(a) - size(b) || a - b)
    .slice(0, Math.floor(fraction * living.length));
  const next = mask.slice();
  for (const place of leaving) next[place] = 0;
  const pull = (place: number): number => Math.abs(gradients[place]!);
  const returning = places
    .filter((place) => !next[place] && locked?.[place] !== 0)
    .sort((a, b) => pull(b) - pull(a) || a - b)
    .slice(0, leaving.length);
  for (const place of returning) next[place] = 1;
  return next;
}

function largestOfUnits(kernel: Pick<PrunableKernel, 'shape' | 'inputAxes'>, weights: Float32Array, mask: Uint8Array): number[] {
  const order = matrixOrder(kernel);
  const units = unitCount(kernel);
  const largest: number[] = Array(units).fill(-1);
  for (const [at, place] of order.entries()) {
    const unit = at % units;
    if (mask[place] && (largest[unit] === -1 || Math.abs(weights[place]!) > Math.abs(weights[largest[unit]!]!))) largest[unit] = place;
  }
  return largest.filter((place) => place >= 0);
}
