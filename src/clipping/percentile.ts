/** The p-th percentile (0 to 100) of ascending numbers, interpolated linearly between neighbours, as NumPy's default. */
export function percentile(ascending: ArrayLike<number>, p: number): number {
  const place = (p / 100) * (ascending.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, ascending.length - 1);
  return ascending[low]! + (place - low) * (ascending[high]! - ascending[low]!);
}
