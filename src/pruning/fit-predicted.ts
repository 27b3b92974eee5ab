/** The smallest cut that is within a limit where a prediction says how far to cut and noisy measurements correct it: time on a device. */
import type { FitOptions, MeasuredCut } from './fit-measured.ts';

interface Try<Cut> extends MeasuredCut<Cut> {
  place: number;
}

/**
 * Measures at the place that the prediction gives, then where a line through all measurements meets the limit: none is trusted by itself, as a bracket would. What
 * comes out is the least cut of those that were measured within the limit. Null where even the furthest costs more.
 */
export async function fitPredicted<Cut>(options: FitOptions<Cut>): Promise<MeasuredCut<Cut> | null> {
  const { limit, least, most, measureAt, attempts, tolerance } = options;
  const within = (place: number): number => Math.min(most, Math.max(least, place));
  const aim = limit * (1 - tolerance / 2);
  const tries: Try<Cut>[] = [];
  let best: Try<Cut> | null = null;
  for (let place = within(options.guess); tries.length < attempts; ) {
    const last: Try<Cut> = { ...(await measureAt(place)), place };
    tries.push(last);
    if (last.cost <= limit && (!best || place > best.place)) best = last;
    if (last.cost <= limit && (last.cost >= limit * (1 - tolerance) || place >= most)) break;
    if (last.cost > limit && place <= least) return best;
    const next = within(meeting(aim, tries));
    // Until one is within the limit each goes further than the last; then only what cuts less is worth measuring.
    if (!best) place = within(Math.min(next, 0.98 * place));
    else if (next > 1.01 * best.place) place = next;
    else break;
  }
  if (best) return best;
  const furthest = await measureAt(least);
  return furthest.cost <= limit ? furthest : null;
}

/** The place at which costs meet `aim`, by least squares: a line that rises, and costs nothing less than nothing at 0. */
function meeting(aim: number, tries: readonly { place: number; cost: number }[]): number {
  const mean = (of: (one: { place: number; cost: number }) => number): number =>
    tries.reduce((sum, one) => sum + of(one), 0) / tries.length;
  const [place, cost] = [mean((one) => one.place), mean((one) => one.cost)];
  const spread = mean((one) => (one.place - place) ** 2);
  const slope = spread > 0 ? mean((one) => (one.place - place) * (one.cost - cost)) / spread : 0;
  const fixed = cost - slope * place;
  return slope > 0 && fixed > 0 ? (aim - fixed) / slope : (aim * place) / cost;
}
