/** Penalties that make what is to be cut small (`pruning.regularization`), as gradients that are added to the loss's. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Regularization } from '../../jobs/spec/index.ts';
import { tf } from '../tensorflow.ts';

export interface Penalty {
  type: Regularization['type'];
  /** The weights it is of. */
  keys: ReadonlySet<string>;
}

/** Keeps the gradient of ‖w‖ finite at 0, where it becomes 0. */
const TINY = 1e-12;

/** The coefficient at a step, counted from 0. */
export function coefficientAt(spec: Regularization, step: number): number {
  return spec.type === 'growing_l2' ? Math.min(spec.ceiling, spec.increase * (Math.floor(step / spec.every_steps) + 1)) : spec.coefficient;
}

/**
 * Value (a scalar) and gradient of the penalty of one weight, without the coefficient. `unitAxes` are those within an output unit; `marks` is 1 where a
 * growing L2 counts.
 */
export function penaltyOf(
  type: Regularization['type'],
  weight: Tensor,
  { unitAxes, marks }: { unitAxes: readonly number[]; marks: Tensor | null },
): { value: Tensor; gradient: Tensor } {
  switch (type) {
    case 'l1_scale':
      return { value: tf.sum(tf.abs(weight)), gradient: tf.sign(weight) };
    case 'group_lasso': {
      const length = tf.sqrt(tf.add(tf.sum(tf.square(weight), [...unitAxes], true), TINY));
      return { value: tf.sum(length), gradient: tf.div(weight, length) };
    }
    case 'growing_l2': {
      const gradient = marks ? tf.mul(weight, marks) : tf.zerosLike(weight);
      return { value: tf.mul(tf.sum(tf.mul(gradient, weight)), 0.5), gradient };
    }
  }
}
