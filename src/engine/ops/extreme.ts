import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** The larger or smaller of a and b, of equally many axes, element by element; the gradient goes to a where they are equal. */
export function extreme(a: Tensor, b: Tensor, kind: 'maximum' | 'minimum'): Tensor {
  const wins = kind === 'maximum' ? tf.greaterEqual : tf.lessEqual;
  return differentiable(
    [a, b],
    () => ({ value: tf[kind](a, b), saved: [a, b] }),
    (dy, [first, second]) => {
      const chosen = wins(first!, second!);
      const none = tf.zerosLike(dy);
      return [summedTo(tf.where(chosen, dy, none), first!.shape), summedTo(tf.where(chosen, none, dy), second!.shape)];
    },
  );
}

/** Sums over the axes along which a tensor of this shape was stretched. */
function summedTo(x: Tensor, shape: readonly number[]): Tensor {
  const stretched = shape.flatMap((length, axis) => (length === 1 && x.shape[axis] !== 1 ? [axis] : []));
  return stretched.length === 0 ? x : tf.sum(x, stretched, true);
}
