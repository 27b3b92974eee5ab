import type { ActivationName } from '../layers/options.ts';
import type { ProgramBuilder } from './builder.ts';
import type { Value } from './program.ts';

type Activation = (b: ProgramBuilder, x: Value) => Value;

const between = (b: ProgramBuilder, x: Value, least: number, most: number): Value => b.binary('min', b.binary('max', x, least), most);
const named =
  (name: 'relu' | 'sigmoid' | 'tanh' | 'softplus' | 'softsign' | 'exp'): Activation =>
  (b, x) =>
    b.unary(name, x);

const SELU = { scale: 1.0507009873554805, alpha: 1.6732632423543772 };
const SHRINK = 0.5;

const relu6: Activation = (b, x) => between(b, x, 0, 6);
/** relu6(x + 3) / 6, as Keras 3 has it. */
const hardSigmoid: Activation = (b, x) => b.mul(relu6(b, b.add(x, 3)), 1 / 6);
const hardSilu: Activation = (b, x) => b.mul(x, hardSigmoid(b, x));
const silu: Activation = (b, x) => b.mul(x, b.unary('sigmoid', x));
const elu: Activation = (b, x) => b.unary('elu', x, 1);

/** x·Φ(x). */
const gelu: Activation = (b, x) => b.mul(b.mul(x, 0.5), b.add(b.unary('erf', b.mul(x, Math.SQRT1_2)), 1));

const outside = (b: ProgramBuilder, x: Value): Value => b.binary('greater', b.unary('abs', x), SHRINK);

/** log Σ exp is taken of the differences to the largest. */
const logSoftmax: Activation = (b, x) => {
  const axis = x.shape.length - 1;
  const shifted = b.sub(x, b.reduce('max', x, [axis]));
  return b.sub(shifted, b.unary('log', b.reduce('sum', b.unary('exp', shifted), [axis])));
};

/** Keras 3's activations by name; `engine/layers/activations.ts` has the same with their derivatives. */
const ACTIVATIONS: Record<ActivationName, Activation> = {
  linear: (_b, x) => x,
  relu: named('relu'),
  relu6,
  leaky_relu: (b, x) => b.unary('leaky_relu', x, 0.2),
  sigmoid: named('sigmoid'),
  tanh: named('tanh'),
  softmax: (b, x) => b.softmax(x, -1),
  log_softmax: logSoftmax,
  elu,
  selu: (b, x) => b.mul(b.unary('elu', x, SELU.alpha), SELU.scale),
  celu: elu,
  softplus: named('softplus'),
  softsign: named('softsign'),
  silu,
  swish: silu,
  gelu,
  hard_sigmoid: hardSigmoid,
  keras_2_hard_sigmoid: (b, x) => between(b, b.add(b.mul(x, 0.2), 0.5), 0, 1),
  hard_silu: hardSilu,
  hard_swish: hardSilu,
  hard_tanh: (b, x) => between(b, x, -1, 1),
  hard_shrink: (b, x) => b.where(outside(b, x), x, 0),
  soft_shrink: (b, x) => b.sub(x, between(b, x, -SHRINK, SHRINK)),
  tanh_shrink: (b, x) => b.sub(x, b.unary('tanh', x)),
  squareplus: (b, x) => b.mul(b.add(x, b.unary('sqrt', b.add(b.mul(x, x), 4))), 0.5),
  sparse_plus: (b, x) => {
    const risen = b.unary('relu', b.add(x, 1));
    return b.where(b.binary('less', x, 1), b.mul(b.mul(risen, risen), 0.25), x);
  },
  sparse_sigmoid: (b, x) => between(b, b.mul(b.add(x, 1), 0.5), 0, 1),
  exponential: named('exp'),
  log_sigmoid: (b, x) => b.unary('neg', b.unary('softplus', b.unary('neg', x))),
  mish: (b, x) => b.mul(x, b.unary('tanh', b.unary('softplus', x))),
};

/** The activation of a name that `refuseActivation` lets pass. */
export function activate(builder: ProgramBuilder, x: Value, name: string): Value {
  return ACTIVATIONS[name as ActivationName](builder, x);
}
