/** The inverse of the block-diagonal empirical Fisher matrix. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { InverseFisher } from '../../../pruning/criteria/index.ts';
import { scope } from '../../scope.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, lossGradients, overBatches } from './calibration.ts';
import { gradientMoments } from './loss-gradients.ts';

/** Numbers of all inverse blocks together; larger models get smaller blocks. */
const MOST_NUMBERS = 2 ** 26;

/** The block size that fits into memory for so many weights, at most what was asked for. */
export function fisherBlock(asked: number, weights: number): number {
  return Math.max(1, Math.min(asked, Math.floor(MOST_NUMBERS / Math.max(1, weights))));
}

/**
 * (1/N·Σ g·gᵀ + λI)⁻¹ of every block of `size` weights of a kernel, one rank-one update for each of the N batch gradients g (Sherman & Morrison; Singh 2020,
 * eq. 4). λ is a hundredth of the kernel's mean squared gradient, so that it has the scale of the matrix.
 */
export function inverseFisher(calibration: Calibration, keys: readonly string[], size: number): Map<string, InverseFisher> {
  const { data, batches, batchSize } = calibration;
  const count = Math.min(batches, Math.ceil(data.split('train').size / batchSize));
  const damping = gradientMoments(calibration, keys, 'mean_squared_gradient');
  const state = new Map<string, Tensor>();
  for (const key of keys) {
    const squares = damping.get(key)!;
    const blocks = Math.ceil(squares.length / size);
    const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
    // A kernel without gradients is as good as any other to prune.
    state.set(
      key,
      scope(() => tf.tile(tf.expandDims(tf.mul(tf.eye(size), 1 / (0.01 * mean || 1)), 0), [blocks, 1, 1])),
    );
  }
  overBatches(
    calibration,
    (weights, batch) => {
      const wanted = keys.map((key) => weights.get(key)!);
      return lossGradients(calibration, weights, batch, wanted);
    },
    (gradients) => {
      const next = scope(() =>
        gradients.map((gradient, index) => {
          const inverse = state.get(keys[index]!)!;
          const blocks = inverse.shape[0]!;
          const padded = tf.pad(tf.reshape(gradient, [-1]), [[0, blocks * size - gradient.size]]);
          const column = tf.reshape(padded, [blocks, size, 1]);
          const product = tf.matMul(inverse, column);
          const denominator = tf.add(tf.sum(tf.mul(column, product), 1, true), count);
          return tf.sub(inverse, tf.matMul(tf.div(product, denominator), product, false, true));
        }),
      );
      for (const [index, key] of keys.entries()) {
        state.get(key)!.dispose();
        state.set(key, next[index]!);
      }
    },
  );
  return new Map(
    keys.map((key) => {
      const inverse = state.get(key)!;
      const host = inverse.dataSync<'float32'>();
      inverse.dispose();
      return [key, { size, inverse: host }];
    }),
  );
}
