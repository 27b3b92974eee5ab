import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';

/** A value, and what its gradient will need. */
export interface Computed {
  value: Tensor;
  saved: Tensor[];
}

/**
 * A value whose gradients with respect to `inputs`, one each in their shapes, are computed as `gradients` says, where tfjs' tape would have none, wrong
 * ones, or many small operations.
 */
export function differentiable(inputs: Tensor[], compute: () => Computed, gradients: (dy: Tensor, saved: Tensor[]) => Tensor[]): Tensor {
  const operation = tf.customGrad((...given) => {
    const save = given.at(-1) as unknown as (tensors: Tensor[]) => void;
    const { value, saved } = compute();
    save(saved);
    return { value, gradFunc: (dy, kept) => gradients(dy as Tensor, kept as Tensor[]) };
  });
  return operation(...inputs);
}

/** y = f(x) of one tensor; `derivative` gives dx from dy, x and y. */
export function elementwise(x: Tensor, compute: (x: Tensor) => Tensor, derivative: (dy: Tensor, x: Tensor, y: Tensor) => Tensor): Tensor {
  return differentiable(
    [x],
    () => {
      const value = compute(x);
      return { value, saved: [x, value] };
    },
    (dy, [from, y]) => [derivative(dy, from!, y!)],
  );
}
