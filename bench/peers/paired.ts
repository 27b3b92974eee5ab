/** Paired comparisons over seeds, as the tables of the pruning benchmarks print them. */

/** Student's t at 97.5 %, by degrees of freedom from 1. */
const T975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** The mean of ours minus theirs with its 95 % interval of Student's t; the interval is null for a single seed. */
export function pairedDifference(ours: readonly number[], theirs: readonly number[]): { mean: number; half: number | null } {
  const differences = ours.map((value, seed) => value - theirs[seed]!);
  const n = differences.length;
  const centre = mean(differences);
  if (n < 2) return { mean: centre, half: null };
  const variance = differences.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1);
  return { mean: centre, half: (T975[n - 2] ?? 1.96) * Math.sqrt(variance / n) };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** In percent, two decimals. */
export function percent(value: number): string {
  return (100 * value).toFixed(2);
}

/** `-0.12 ± 0.05`, in points. */
export function points({ mean: centre, half }: { mean: number; half: number | null }): string {
  return half === null ? percent(centre) : `${percent(centre)} ± ${percent(half)}`;
}
