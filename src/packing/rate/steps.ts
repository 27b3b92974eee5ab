/** The steps whose whole multiples weights become. */

/** Where a tensor has nothing but zeros, which fit any step. */
const FOR_ZEROS = 2 ** -4;
/** Of the root mean square of what is not zero. */
const PART = 0.5;

/** The step to begin with: half the root mean square of the weights that are not zero. */
export function firstStep(weights: Float32Array): number {
  let [square, count] = [0, 0];
  for (const weight of weights) {
    if (weight === 0) continue;
    square += weight * weight;
    count++;
  }
  const step = Math.fround(PART * Math.sqrt(square / Math.max(1, count)));
  return step > 0 && Number.isFinite(step) ? step : FOR_ZEROS;
}

/** int32: the nearest whole numbers of steps, of weights that lie on them already. */
export function multiplesOf(weights: Float32Array, step: number): Int32Array {
  return Int32Array.from(weights, (weight) => Math.round(weight / step));
}
