import type { OperationName } from './index.ts';

/** Operations whose classes are elsewhere than in `keras.src.ops.numpy`. */
const ELSEWHERE: Partial<Record<OperationName, 'core' | 'image' | 'math' | 'nn'>> = {
  'ops.Cast': 'core',
  'ops.ConvertToTensor': 'core',
  'ops.StopGradient': 'core',
  'ops.Unstack': 'core',
  'ops.Resize': 'image',
  'ops.Erf': 'math',
  'ops.Logsumexp': 'math',
  'ops.Rsqrt': 'math',
  'ops.TopK': 'math',
  'ops.AveragePool': 'nn',
  'ops.Celu': 'nn',
  'ops.Elu': 'nn',
  'ops.Gelu': 'nn',
  'ops.HardShrink': 'nn',
  'ops.HardSigmoid': 'nn',
  'ops.HardSilu': 'nn',
  'ops.HardTanh': 'nn',
  'ops.LeakyRelu': 'nn',
  'ops.LogSigmoid': 'nn',
  'ops.LogSoftmax': 'nn',
  'ops.MaxPool': 'nn',
  'ops.Normalize': 'nn',
  'ops.OneHot': 'nn',
  'ops.Relu': 'nn',
  'ops.Relu6': 'nn',
  'ops.Selu': 'nn',
  'ops.Sigmoid': 'nn',
  'ops.Silu': 'nn',
  'ops.SoftShrink': 'nn',
  'ops.Softmax': 'nn',
  'ops.Softplus': 'nn',
  'ops.Softsign': 'nn',
  'ops.SparsePlus': 'nn',
  'ops.SparseSigmoid': 'nn',
  'ops.Squareplus': 'nn',
  'ops.TanhShrink': 'nn',
  'ops.Threshold': 'nn',
};

/** The module of Keras 3 that has an operation's class. */
export function moduleOfOperation(className: string): string {
  return `keras.src.ops.${ELSEWHERE[`ops.${className}` as OperationName] ?? 'numpy'}`;
}
