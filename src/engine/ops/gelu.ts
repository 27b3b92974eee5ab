import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

const DENSITY_AT_0 = 1 / Math.sqrt(2 * Math.PI);

/** x·Φ(x) by the error function, Keras' default (Hendrycks & Gimpel 2016); the derivative is Φ(x) + x·φ(x). */
export function gelu(x: Tensor): Tensor {
  return differentiable(
    [x],
    () => {
      const distribution = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
      return { value: tf.mul(x, distribution), saved: [x, distribution] };
    },
    (dy, [from, distribution]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(from!), -0.5)), DENSITY_AT_0);
      return [tf.mul(dy, tf.add(distribution!, tf.mul(from!, density)))];
    },
  );
}
