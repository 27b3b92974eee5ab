import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ActivationName } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';

// Of the comparisons, tfjs' tape can pass greaterEqual only.

/** 0 below 0, 6 above 6; without a gradient at both ends. */
export function relu6(x: Tensor): Tensor {
  return tf.where(tf.greaterEqual(x, 6), tf.fill(x.shape, 6), tf.relu(x));
}

const SELU_SCALE = 1.0507009873554805;
const SELU_SCALED_ALPHA = 1.7580993408473768;
/** The derivative at 0 is the scale, where tfjs takes scale · alpha. */
function selu(x: Tensor): Tensor {
  const below = tf.mul(tf.expm1(tf.minimum(x, 0)), SELU_SCALED_ALPHA);
  return tf.where(tf.greaterEqual(x, 0), tf.mul(x, SELU_SCALE), below);
}

/** Keras 3's activations by name. */
const FUNCTIONS: Record<ActivationName, (x: Tensor) => Tensor> = {
  linear: (x) => x,
  relu: (x) => tf.relu(x),
  relu6,
  sigmoid: (x) => tf.sigmoid(x),
  tanh: (x) => tf.tanh(x),
  softmax: (x) => tf.softmax(x),
  elu: (x) => tf.elu(x),
  selu,
  softplus: (x) => tf.softplus(x),
  softsign: (x) => tf.div(x, tf.add(tf.abs(x), 1)),
  swish: (x) => tf.mul(x, tf.sigmoid(x)),
  silu: (x) => tf.mul(x, tf.sigmoid(x)),
  // Keras' default is the exact form, by the error function.
  gelu: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
};

export function activate(x: Tensor, name: string): Tensor {
  return FUNCTIONS[name as ActivationName](x);
}
