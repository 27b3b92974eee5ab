/** The smallest cut that is within a limit where what is limited can only be measured on a finished model: bytes of a file, time on a device. */

export interface MeasuredCut<Cut> {
  cut: Cut;
  /** In the limit's unit. */
  cost: number;
}

export interface FitOptions<Cut> {
  /** Of `cost`. */
  limit: number;
  /** Where to look: a cut at `least` is the furthest there is, at `most` none; more costs more. */
  least: number;
  most: number;
  /** Where to begin. */
  guess: number;
  measureAt(place: number): Promise<MeasuredCut<Cut>>;
  /** Measurements at the most. */
  attempts: number;
  /** A cost this fraction below the limit is near enough. */
  tolerance: number;
}

/**
 * By false position within a bracket: each measurement moves one end, and the next place is where the last cost, in proportion, would meet the limit.
 * Null where even the furthest cut costs more than the limit.
 */
export async function fitMeasured<Cut>(options: FitOptions<Cut>): Promise<MeasuredCut<Cut> | null> {
  const { limit, measureAt, attempts, tolerance } = options;
  let { least: low, most: high } = options;
  let place = Math.min(high, Math.max(low, options.guess));
  let best: MeasuredCut<Cut> | null = null;
  // Where the same end moves again, the last step was too short: the bracket is halved.
  let moved: 'low' | 'high' | null = null;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const measured = await measureAt(place);
    const fits = measured.cost <= limit;
    if (fits) {
      best = measured;
      if (measured.cost >= limit * (1 - tolerance) || place >= high) break;
      low = place;
    } else {
      if (place <= low) return null;
      high = place;
    }
    const end = fits ? 'low' : 'high';
    const next = (place * limit) / measured.cost;
    place = next > low && next < high && moved !== end ? next : (low + high) / 2;
    moved = moved === end ? null : end;
    if (high - low <= 1e-6 * options.most) break;
  }
  if (best) return best;
  const furthest = await measureAt(options.least);
  return furthest.cost <= limit ? furthest : null;
}
