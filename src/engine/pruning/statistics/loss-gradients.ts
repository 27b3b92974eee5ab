/** Statistics of the loss gradient of single weights. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../../tensorflow.ts';
import { Variables } from '../../variables.ts';
import { type Calibration, lossGradients, overBatches } from './calibration.ts';

export type GradientMoment = 'mean_gradient' | 'mean_abs_gradient' | 'mean_squared_gradient';

const TERMS: Record<GradientMoment, (gradient: Tensor) => Tensor> = {
  mean_gradient: (gradient) => gradient,
  // The absolute value or the square comes before the mean over batches: signs must not cancel.
  mean_abs_gradient: (gradient) => tf.abs(gradient),
  mean_squared_gradient: (gradient) => tf.square(gradient),
};

/** The mean over batches of each weight's gradient g_b, of |g_b|, or of g_b²: float32, in the weight's order. */
export function gradientMoments(calibration: Calibration, keys: readonly string[], moment: GradientMoment): Map<string, Float32Array> {
  let sums: Tensor[] | null = null;
  let count = 0;
  overBatches(
    calibration,
    (weights, batch) => {
      const wanted = keys.map((key) => weights.get(key)!);
      return lossGradients(calibration, weights, batch, wanted).map(TERMS[moment]);
    },
    (terms) => {
      const next = terms.map((term, index) => (sums ? tf.add(sums[index]!, term) : term.clone()));
      if (sums) tf.dispose(sums);
      sums = next;
      count++;
    },
  );
  const totals = (sums ?? []) as Tensor[];
  const result = new Map(keys.map((key, index) => [key, totals[index]!.dataSync<'float32'>().map((sum) => sum / count)]));
  tf.dispose(totals);
  return result;
}

/** How far weights are moved along the gradient, relative to their own length, for the difference quotient of `hessianGradient`. */
const STEP = 1e-2;

/**
 * H·g of the loss Hessian with the mean gradient g over all batches, by the central difference (∇L(w + εg) - ∇L(w - εg)) / 2ε, ε‖g‖ = 0.01‖w‖: TensorFlow's
 * fused operations have no second derivatives. Three passes over the batches.
 */
export function hessianGradient(calibration: Calibration, keys: readonly string[]): Map<string, Float32Array> {
  const gradient = gradientMoments(calibration, keys, 'mean_gradient');
  const length = (vectors: Iterable<Float32Array>): number => {
    let sum = 0;
    for (const vector of vectors) for (const value of vector) sum += value * value;
    return Math.sqrt(sum);
  };
  const norm = length(gradient.values());
  if (norm === 0) return gradient;
  const epsilon = (STEP * (length(keys.map((key) => calibration.weights.value(key).data)) || 1)) / norm;
  const at = (factor: number): Map<string, Float32Array> => {
    const shifted = calibration.weights.values();
    for (const key of keys) {
      const { shape, data } = shifted.get(key)!;
      const own = gradient.get(key)!;
      shifted.set(key, { shape, data: data.map((value, index) => value + Math.fround(own[index]! * factor)) });
    }
    const weights = Variables.from(shifted);
    try {
      return gradientMoments({ ...calibration, weights }, keys, 'mean_gradient');
    } finally {
      weights.dispose();
    }
  };
  const [ahead, behind] = [at(epsilon), at(-epsilon)];
  return new Map(keys.map((key) => [key, ahead.get(key)!.map((value, index) => (value - behind.get(key)![index]!) / (2 * epsilon))]));
}
