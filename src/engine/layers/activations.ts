import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ActivationName } from '../../model/layers/options.ts';
import { elementwise } from '../ops/differentiable.ts';
import { elu } from '../ops/elu.ts';
import { gelu } from '../ops/gelu.ts';
import { leakyRelu } from '../ops/leaky-relu.ts';
import { logSoftmax } from '../ops/log-softmax.ts';
import { relu } from '../ops/relu.ts';
import { relu6 } from '../ops/relu6.ts';
import { selu } from '../ops/selu.ts';
import { sigmoid } from '../ops/sigmoid.ts';
import { silu } from '../ops/silu.ts';
import { softplus } from '../ops/softplus.ts';
import { softsign } from '../ops/softsign.ts';
import { tanh } from '../ops/tanh.ts';
import { tf } from '../tensorflow.ts';

const zeroUnless = (condition: Tensor, x: Tensor): Tensor => tf.where(condition, x, tf.zerosLike(x));
const between = (x: Tensor, least: number, most: number): Tensor => tf.logicalAnd(tf.greater(x, least), tf.less(x, most));

/** relu6(x + 3) / 6, as Keras 3 has it. */
const hardSigmoid = (x: Tensor): Tensor => tf.mul(relu6(tf.add(x, 3)), 1 / 6);
/** 0.2x + 0.5 cut to 0 and 1, as Keras 2 and TensorFlow.js have it. */
const keras2HardSigmoid = (x: Tensor): Tensor => tf.clipByValue(tf.add(tf.mul(x, 0.2), 0.5), 0, 1);
const hardSilu = (x: Tensor): Tensor => tf.mul(x, hardSigmoid(x));

/** x, below 0 exp(x) - 1. Keras' sum of both branches has the derivatives of both at 0. */
function celu(x: Tensor): Tensor {
  return elementwise(x, tf.elu, (dy, from) => {
    const above = tf.cast(tf.greaterEqual(from, 0), 'float32');
    return tf.mul(dy, tf.add(above, zeroUnless(tf.lessEqual(from, 0), tf.exp(from))));
  });
}

const SHRINK = 0.5;
const outside = (x: Tensor): Tensor => tf.greater(tf.abs(x), SHRINK);

/** x where |x| > ½, else 0. */
function hardShrink(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => zeroUnless(outside(from), from),
    (dy, from) => zeroUnless(outside(from), dy),
  );
}

/** |x| less ½ with the sign of x where |x| > ½, else 0. */
function softShrink(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => tf.sub(from, tf.clipByValue(from, -SHRINK, SHRINK)),
    (dy, from) => zeroUnless(outside(from), dy),
  );
}

/** 0 up to -1, (x + 1)²/4 up to 1, then x. */
function sparsePlus(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => tf.where(tf.less(from, 1), tf.mul(tf.square(relu(tf.add(from, 1))), 0.25), from),
    (dy, from) => tf.mul(dy, tf.clipByValue(tf.mul(tf.add(from, 1), 0.5), 0, 1)),
  );
}

/** (x + 1)/2 cut to 0 and 1. */
function sparseSigmoid(x: Tensor): Tensor {
  return elementwise(
    x,
    (from) => tf.clipByValue(tf.mul(tf.add(from, 1), 0.5), 0, 1),
    (dy, from) => zeroUnless(between(from, -1, 1), tf.mul(dy, 0.5)),
  );
}

/** Keras 3's activations by name, each with Keras' derivative at its kinks. */
const FUNCTIONS: Record<ActivationName, (x: Tensor) => Tensor> = {
  linear: (x) => x,
  relu,
  relu6,
  leaky_relu: (x) => leakyRelu(x, 0.2),
  sigmoid,
  tanh,
  softmax: (x) => tf.softmax(x),
  log_softmax: logSoftmax,
  elu,
  selu,
  celu,
  softplus,
  softsign,
  silu,
  swish: silu,
  gelu,
  hard_sigmoid: hardSigmoid,
  keras_2_hard_sigmoid: keras2HardSigmoid,
  hard_silu: hardSilu,
  hard_swish: hardSilu,
  hard_tanh: (x) => tf.clipByValue(x, -1, 1),
  hard_shrink: hardShrink,
  soft_shrink: softShrink,
  tanh_shrink: (x) => tf.sub(x, tanh(x)),
  squareplus: (x) => tf.mul(tf.add(x, tf.sqrt(tf.add(tf.square(x), 4))), 0.5),
  sparse_plus: sparsePlus,
  sparse_sigmoid: sparseSigmoid,
  exponential: (x) => tf.exp(x),
  log_sigmoid: (x) => tf.neg(softplus(tf.neg(x))),
  mish: (x) => tf.mul(x, tanh(softplus(x))),
};

/** The activation of a name that `refuseActivation` lets pass. */
export function activate(x: Tensor, name: string): Tensor {
  return FUNCTIONS[name as ActivationName](x);
}
