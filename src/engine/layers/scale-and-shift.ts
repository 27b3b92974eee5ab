import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { biasAdd } from '../ops/bias-add.ts';
import { tf } from '../tensorflow.ts';

/** x times gamma plus beta, where they are given; both have the lengths of these axes of x. */
export function scaleAndShift(x: Tensor, axes: readonly number[], gamma?: Tensor, beta?: Tensor): Tensor {
  const lastAlone = axes.length === 1 && axes[0] === x.rank - 1;
  const spread = (weight: Tensor): Tensor =>
    lastAlone
      ? weight
      : tf.reshape(
          weight,
          x.shape.map((length, axis) => (axes.includes(axis) ? length : 1)),
        );
  const scaled = gamma ? tf.mul(x, spread(gamma)) : x;
  if (!beta) return scaled;
  return lastAlone ? biasAdd(scaled, beta) : tf.add(scaled, spread(beta));
}
