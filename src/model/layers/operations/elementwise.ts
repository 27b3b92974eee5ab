/** Operations on each element by itself. */
import type { LayerClass, Options, RefusedOption } from '../layer-class.ts';
import { through } from '../through.ts';

/** f(x), element by element. */
const plain: LayerClass = { ...through, callTensors: ['x'] };

/** The same, as a nonlinearity of a name: what makes an output may be asked for its activation. */
const named = (name: string): LayerClass => ({ ...plain, activation: () => name });

function withOptions(refuse: (options: Options) => RefusedOption | null): LayerClass {
  return { ...named('other'), refuse };
}

/** Refuses an option that is not a number. */
function needsNumber(...names: string[]): LayerClass {
  return withOptions((options) => {
    const wrong = names.find((name) => typeof options[name] !== 'number');
    return wrong === undefined ? null : { option: wrong, received: options[wrong], accepted: 'a number' };
  });
}

/** Refuses an option that is another than this. */
function needs(name: string, value: unknown): LayerClass {
  return withOptions((options) =>
    (options[name] ?? value) === value ? null : { option: name, received: options[name], accepted: JSON.stringify(value) },
  );
}

/** Elementwise operations by Keras' names. */
export const ELEMENTWISE = {
  'ops.Absolute': named('absolute'),
  'ops.Arccos': named('arccos'),
  'ops.Arccosh': named('arccosh'),
  'ops.Arcsin': named('arcsin'),
  'ops.Arcsinh': named('arcsinh'),
  'ops.Arctan': named('arctan'),
  'ops.Arctanh': named('arctanh'),
  'ops.Ceil': named('ceil'),
  'ops.Celu': needs('alpha', 1),
  'ops.Clip': needsNumber('x_min', 'x_max'),
  'ops.Copy': { ...plain, keepsValues: () => true },
  'ops.Cos': named('cos'),
  'ops.Cosh': named('cosh'),
  'ops.Elu': needsNumber('alpha'),
  'ops.Erf': named('erf'),
  'ops.Exp': named('exp'),
  'ops.Exp2': named('exp2'),
  'ops.Expm1': named('expm1'),
  'ops.Floor': named('floor'),
  'ops.Gelu': named('gelu'),
  'ops.HardShrink': needs('threshold', 0.5),
  'ops.HardSigmoid': named('hard_sigmoid'),
  'ops.HardSilu': named('hard_silu'),
  'ops.HardTanh': named('hard_tanh'),
  'ops.LeakyRelu': needsNumber('negative_slope'),
  'ops.Log': named('log'),
  'ops.Log10': named('log10'),
  'ops.Log1p': named('log1p'),
  'ops.Log2': named('log2'),
  'ops.LogSigmoid': named('log_sigmoid'),
  'ops.Negative': named('negative'),
  'ops.OnesLike': named('ones_like'),
  'ops.Reciprocal': named('reciprocal'),
  'ops.Relu': named('relu'),
  'ops.Relu6': named('relu6'),
  'ops.Round': needs('decimals', 0),
  'ops.Rsqrt': named('rsqrt'),
  'ops.Selu': named('selu'),
  'ops.Sigmoid': named('sigmoid'),
  'ops.Sign': named('sign'),
  'ops.Silu': named('silu'),
  'ops.Sin': named('sin'),
  'ops.Sinh': named('sinh'),
  'ops.SoftShrink': needs('threshold', 0.5),
  'ops.Softplus': named('softplus'),
  'ops.Softsign': named('softsign'),
  'ops.SparsePlus': named('sparse_plus'),
  'ops.SparseSigmoid': named('sparse_sigmoid'),
  'ops.Sqrt': named('sqrt'),
  'ops.Square': named('square'),
  'ops.Squareplus': needsNumber('b'),
  'ops.StopGradient': { ...plain, callTensors: ['variable'], keepsValues: () => true },
  'ops.Tan': named('tan'),
  'ops.Tanh': named('tanh'),
  'ops.TanhShrink': named('tanh_shrink'),
  'ops.Threshold': needsNumber('threshold', 'default_value'),
  'ops.Trunc': named('trunc'),
  'ops.ZerosLike': named('zeros_like'),
} as const satisfies Record<string, LayerClass>;
