/** Linear quantisation, symmetric and with a step for each output unit. */

/** Fractions of the step that the largest weight needs, from all of it down. */
const FRACTIONS = Array.from({ length: 25 }, (_, at) => 1 - at * 0.025);

/** A step to eight binary digits, so that no product with a multiple has to be rounded, and files hold few different bits; 0 where it is too small. */
export function shortened(step: number): number {
  if (step < SMALLEST) return 0;
  const unit = 2 ** (Math.floor(Math.log2(step)) - 7);
  return Math.round(step / unit) * unit;
}

/** A step below this may have no eight digits. */
const SMALLEST = 2 ** -100;

/** The nearest whole number, of two the even one, as TensorFlow rounds. */
function nearest(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** A weight on the grid of a step: float32, and +0 for all that is zero. */
export function onGrid(weight: number, step: number, largest: number): number {
  const multiple = Math.min(largest, Math.max(-largest, nearest(Math.fround(weight / step))));
  return multiple === 0 ? 0 : Math.fround(multiple * step);
}

/**
 * A step for each column of a matrix [inputs, units], float32 [units]: of those that clip a part of the largest weights, and the one that clips none, the one
 * with the least Σ importance·(w - ŵ)². `importance` is in the matrix's order. A column of zeros gets 1.
 */
export function gridSteps(matrix: Float32Array, importance: Float32Array, units: number, largest: number): Float32Array<ArrayBuffer> {
  const steps = new Float32Array(units);
  for (let unit = 0; unit < units; unit++) {
    let most = 0;
    for (let at = unit; at < matrix.length; at += units) most = Math.max(most, Math.abs(matrix[at]!));
    let least = Number.POSITIVE_INFINITY;
    steps[unit] = 1;
    for (const fraction of most === 0 ? [] : FRACTIONS) {
      const step = shortened((most * fraction) / largest);
      if (step === 0) break;
      let harm = 0;
      for (let at = unit; at < matrix.length; at += units) {
        const change = matrix[at]! - onGrid(matrix[at]!, step, largest);
        harm += importance[at]! * change * change;
      }
      if (harm < least) {
        least = harm;
        steps[unit] = step;
      }
    }
  }
  return steps;
}

/** The weights on the grids of their output units; `steps` as in `KernelCoding`. */
export function onGrids(
  weights: Float32Array,
  shape: readonly number[],
  steps: { shape: readonly number[]; data: Float32Array },
  largest: number,
): Float32Array<ArrayBuffer> {
  const made = new Float32Array(weights.length);
  // The place of a weight's step, axis by axis, where an axis of length 1 does not count.
  const strides = steps.shape.map((length, axis) =>
    length === 1 ? 0 : steps.shape.slice(axis + 1).reduce((product, next) => product * next, 1),
  );
  const at = shape.map(() => 0);
  let place = 0;
  for (const [index, weight] of weights.entries()) {
    made[index] = onGrid(weight, steps.data[place]!, largest);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]! += 1;
      place += strides[axis]!;
      if (at[axis]! < shape[axis]!) break;
      place -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return made;
}
