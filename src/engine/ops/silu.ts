import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** x·σ(x), also called swish (Ramachandran et al. 2017); the derivative is σ(x) + x·σ'(x). */
export function silu(x: Tensor): Tensor {
  return differentiable(
    [x],
    () => {
      const gate = run('Sigmoid', [typed('T')], [x], 1)[0]!;
      return { value: tf.mul(x, gate), saved: [x, gate] };
    },
    (dy, [from, gate]) => [tf.add(tf.mul(dy, gate!), run('SigmoidGrad', [typed('T')], [gate!, tf.mul(dy, from!)], 1)[0]!)],
  );
}
