/** How scores are spread over what a cut left and what it took. */

/** Scores between two bounds, the upper one excluded but in the last. */
export interface ScoreBin {
  from: number;
  to: number;
  kept: number;
  removed: number;
}

export interface ScoreSpread {
  /** 16 bins; null where nothing was scored. Of one width, but for the last where few scores are far beyond the others. */
  distribution: ScoreBin[] | null;
  /** The lowest score of what stays and the highest of what goes: where they cross, limits or the structure decided rather than the score alone. */
  lowest_kept: number | null;
  highest_removed: number | null;
}

const BINS = 16;
/** Scores so many times as far from the lowest as the mean is, and as the highest that goes, share the last bin: what is seen is the cut, not the longest tail. */
const FAR = 4;

/** Of finite scores. */
export function scoreSpread(kept: ArrayLike<number>, removed: ArrayLike<number>): ScoreSpread {
  const [stay, go] = [extent(kept), extent(removed)];
  const [low, high] = [Math.min(stay.low, go.low), Math.max(stay.high, go.high)];
  return {
    distribution:
      kept.length + removed.length === 0
        ? null
        : distribution(kept, removed, edges(low, high, Math.max(go.high, (stay.sum + go.sum) / (kept.length + removed.length)))),
    lowest_kept: kept.length === 0 ? null : stay.low,
    highest_removed: removed.length === 0 ? null : go.high,
  };
}

function extent(values: ArrayLike<number>): { low: number; high: number; sum: number } {
  let [low, high, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let at = 0; at < values.length; at++) {
    low = Math.min(low, values[at]!);
    high = Math.max(high, values[at]!);
    sum += values[at]!;
  }
  return { low, high, sum };
}

/** From the lowest to the highest score, one more than there are bins. */
function edges(low: number, high: number, middle: number): number[] {
  if (high === low) return [low, high];
  const near = low + FAR * (middle - low);
  const tail = near > low && near < high;
  const [bins, end] = tail ? [BINS - 1, near] : [BINS, high];
  const even = Array.from({ length: bins }, (_, bin) => low + (bin * (end - low)) / bins);
  return [...even, end, ...(tail ? [high] : [])];
}

function distribution(kept: ArrayLike<number>, removed: ArrayLike<number>, bounds: readonly number[]): ScoreBin[] {
  const bins = bounds.slice(1).map((to, bin): ScoreBin => ({ from: bounds[bin]!, to, kept: 0, removed: 0 }));
  const last = bins.length - 1;
  const count = (values: ArrayLike<number>, side: 'kept' | 'removed'): void => {
    for (let at = 0; at < values.length; at++) {
      const score = values[at]!;
      // The first bins are of one width; a rounding error beside a bound is put right.
      let bin = Math.min(last, Math.floor((score - bounds[0]!) / (bounds[1]! - bounds[0]! || 1)));
      while (bin > 0 && score < bins[bin]!.from) bin -= 1;
      while (bin < last && score >= bins[bin]!.to) bin += 1;
      bins[bin]![side] += 1;
    }
  };
  count(kept, 'kept');
  count(removed, 'removed');
  return bins;
}
