import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Options } from '../../../model/layers/layer-class.ts';
import type { ELEMENTWISE } from '../../../model/layers/operations/elementwise.ts';
import { number } from '../../../model/layers/options.ts';
import { compare, withoutGradient } from '../../ops/detached.ts';
import { elementwise } from '../../ops/differentiable.ts';
import { leakyRelu } from '../../ops/leaky-relu.ts';
import { tf } from '../../tensorflow.ts';
import { activate } from '../activations.ts';
import { numbers } from '../arithmetic.ts';
import type { Execution } from '../execution.ts';

const named = (activation: string) => (x: Tensor) => activate(x, activation);

/** x cut to a range; where it is cut nothing passes back. */
function clip(x: Tensor, least: number, most: number): Tensor {
  return elementwise(
    x,
    (from) => tf.minimum(tf.maximum(from, least), most),
    (dy, from) => tf.mul(dy, tf.cast(tf.logicalAnd(tf.greaterEqual(from, least), tf.lessEqual(from, most)), 'float32')),
  );
}

/** 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))): the fast form of GELU. */
function fastGelu(x: Tensor): Tensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

const absolute = (x: Tensor): Tensor => elementwise(x, tf.abs, (dy, from) => tf.mul(dy, tf.sign(from)));

const FUNCTIONS: Record<keyof typeof ELEMENTWISE, (x: Tensor, options: Options) => Tensor> = {
  'ops.Absolute': absolute,
  'ops.Arccos': (x) => tf.acos(x),
  'ops.Arccosh': (x) => tf.acosh(x),
  'ops.Arcsin': (x) => tf.asin(x),
  'ops.Arcsinh': (x) => tf.asinh(x),
  'ops.Arctan': (x) => tf.atan(x),
  'ops.Arctanh': (x) => tf.atanh(x),
  'ops.Ceil': (x) => withoutGradient('Ceil', x),
  'ops.Celu': named('celu'),
  'ops.Clip': (x, options) => clip(x, number(options, 'x_min', 0), number(options, 'x_max', 0)),
  'ops.Copy': (x) => x,
  'ops.Cos': (x) => tf.cos(x),
  'ops.Cosh': (x) => tf.cosh(x),
  'ops.Elu': (x, options) => {
    const alpha = number(options, 'alpha', 1);
    return alpha === 1 ? activate(x, 'elu') : tf.where(compare('Greater', x, tf.scalar(0)), x, tf.mul(tf.expm1(x), alpha));
  },
  'ops.Erf': (x) => tf.erf(x),
  'ops.Exp': (x) => tf.exp(x),
  'ops.Exp2': (x) => tf.exp(tf.mul(x, Math.LN2)),
  'ops.Expm1': (x) => tf.expm1(x),
  'ops.Floor': (x) => withoutGradient('Floor', x),
  'ops.Gelu': (x, options) => (options.approximate === false ? activate(x, 'gelu') : fastGelu(x)),
  'ops.HardShrink': named('hard_shrink'),
  'ops.HardSigmoid': named('hard_sigmoid'),
  'ops.HardSilu': named('hard_silu'),
  'ops.HardTanh': named('hard_tanh'),
  'ops.LeakyRelu': (x, options) => leakyRelu(x, number(options, 'negative_slope', 0.2)),
  'ops.Log': (x) => tf.log(x),
  'ops.Log10': (x) => tf.mul(tf.log(x), Math.LOG10E),
  'ops.Log1p': (x) => tf.log1p(x),
  'ops.Log2': (x) => tf.mul(tf.log(x), Math.LOG2E),
  'ops.LogSigmoid': named('log_sigmoid'),
  'ops.Negative': (x) => tf.neg(x),
  'ops.OnesLike': (x) => tf.fill(x.shape, 1),
  'ops.Reciprocal': (x) => tf.reciprocal(x),
  'ops.Relu': named('relu'),
  'ops.Relu6': named('relu6'),
  'ops.Round': (x) => withoutGradient('Rint', x),
  'ops.Rsqrt': (x) => tf.rsqrt(x),
  'ops.Selu': named('selu'),
  'ops.Sigmoid': named('sigmoid'),
  'ops.Sign': (x) => withoutGradient('Sign', x),
  'ops.Silu': named('silu'),
  'ops.Sin': (x) => tf.sin(x),
  'ops.Sinh': (x) => tf.sinh(x),
  'ops.SoftShrink': named('soft_shrink'),
  'ops.Softplus': named('softplus'),
  'ops.Softsign': named('softsign'),
  'ops.SparsePlus': named('sparse_plus'),
  'ops.SparseSigmoid': named('sparse_sigmoid'),
  'ops.Sqrt': (x) => tf.sqrt(x),
  'ops.Square': (x) => tf.square(x),
  'ops.Squareplus': (x, options) => tf.mul(tf.add(x, tf.sqrt(tf.add(tf.square(x), number(options, 'b', 4)))), 0.5),
  'ops.StopGradient': (x) => withoutGradient('Identity', x),
  'ops.Tan': (x) => tf.tan(x),
  'ops.Tanh': named('tanh'),
  'ops.TanhShrink': named('tanh_shrink'),
  'ops.Threshold': (x, options) =>
    tf.where(compare('Greater', x, tf.scalar(number(options, 'threshold', 0))), x, tf.fill(x.shape, number(options, 'default_value', 0))),
  'ops.Trunc': truncated,
  'ops.ZerosLike': (x) => tf.fill(x.shape, 0),
};

/** x without what follows its point. */
export function truncated(x: Tensor): Tensor {
  return tf.mul(withoutGradient('Sign', x), withoutGradient('Floor', tf.abs(withoutGradient('Identity', x))));
}

export const elementwiseOperations = Object.fromEntries(
  Object.entries(FUNCTIONS).map(([name, compute]): [string, Execution] => [
    name,
    ({ options, inputs }) => compute(numbers(inputs[0]!), options),
  ]),
) as Record<keyof typeof ELEMENTWISE, Execution>;
