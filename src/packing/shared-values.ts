/** Weight sharing: the weights of a kernel get few values (Han 2016, Deep Compression). */

const MOST_ROUNDS = 300;

export interface SharedValues {
  /** float32, ascending, none of them 0. */
  values: Float32Array<ArrayBuffer>;
  /** float32, in the weights' order: the place of each weight's value, `values.length` for zeros. */
  places: Float32Array<ArrayBuffer>;
}

/**
 * k-means of the weights that are not zero, in one dimension: `clusters` centroids at equal distances over [min, max], each moved to the mean of the weights
 * nearest to it until none of them changes. Centroids that no weight is nearest to are left out. Zeros stay zero.
 */
export function sharedValues(weights: Float32Array, clusters: number): SharedValues {
  const sorted = weights.filter((weight) => weight !== 0).sort();
  const count = sorted.length;
  const places = new Float32Array(weights.length);
  if (count === 0) return { values: new Float32Array(0), places };
  const sums = new Float64Array(count + 1);
  for (let index = 0; index < count; index++) sums[index + 1] = sums[index]! + sorted[index]!;
  const [least, most] = [sorted[0]!, sorted[count - 1]!];
  let centroids = Float64Array.from({ length: clusters }, (_, at) =>
    clusters === 1 ? (least + most) / 2 : least + ((most - least) * at) / (clusters - 1),
  );
  let ends: number[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    // In one dimension a cluster is a run of the sorted weights, up to the middle between two centroids.
    const next = [...centroids.keys()].map((at) =>
      at === clusters - 1 ? count : firstAbove(sorted, (centroids[at]! + centroids[at + 1]!) / 2),
    );
    const same = next.every((end, at) => end === ends[at]);
    ends = next;
    if (same) break;
    // An empty cluster keeps its place.
    centroids = centroids.map((centroid, at) => {
      const from = at === 0 ? 0 : ends[at - 1]!;
      return ends[at]! > from ? (sums[ends[at]!]! - sums[from]!) / (ends[at]! - from) : centroid;
    });
  }
  const kept = [...centroids.keys()].filter((at) => ends[at]! > (at === 0 ? 0 : ends[at - 1]!));
  // The mean of weights of both signs may be 0, which is the value of the zeros.
  const values = Float32Array.from(kept, (at) => centroids[at]!).map((value) => (value === 0 ? 2 ** -126 : value));
  const bounds = Float32Array.from(kept, (at) => sorted[ends[at]! - 1]!);
  for (const [index, weight] of weights.entries()) places[index] = weight === 0 ? values.length : firstNotBelow(bounds, weight);
  return { values, places };
}

/** The weights of places in a list of values, +0 where there is none. */
export function weightsOf({ values, places }: SharedValues): Float32Array<ArrayBuffer> {
  return places.map((place) => values[place] ?? 0);
}

/**
 * Weights that share their values by construction, and may differ by their last bits after training: each the mean of those that share its value.
 * `places` as in `SharedValues`, of `count` values.
 */
export function snapped(weights: Float32Array, places: Float32Array<ArrayBuffer>, count: number): Float32Array<ArrayBuffer> {
  const sums = new Float64Array(count);
  const members = new Float64Array(count);
  for (const [index, place] of places.entries()) {
    if (place === count) continue;
    sums[place]! += weights[index]!;
    members[place]! += 1;
  }
  return weightsOf({ values: Float32Array.from(sums, (sum, at) => sum / members[at]!), places });
}

/** How many of the ascending numbers are at most `bound`. */
function firstAbove(sorted: Float32Array, bound: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first of the ascending numbers that is at least `value`. */
function firstNotBelow(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
