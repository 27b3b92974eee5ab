/** TensorFlow operations that tfjs does not name, called through its binding. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { ATTRIBUTE, backend, DTYPE } from './graph/native.ts';
import type { NodeAttribute } from './graph/proto.ts';
import { tf } from './tensorflow.ts';

const FLOAT = DTYPE.float32;
export const INT32 = DTYPE.int32;
/** The type attribute of an operation, float32 unless said otherwise. */
export const typed = (name: string, value: number = FLOAT): NodeAttribute => ({ name, type: ATTRIBUTE.type, value });
export const flag = (name: string, value: boolean): NodeAttribute => ({ name, type: ATTRIBUTE.bool, value });
export const text = (name: string, value: string): NodeAttribute => ({ name, type: ATTRIBUTE.string, value });
export const float = (name: string, value: number): NodeAttribute => ({ name, type: ATTRIBUTE.float, value });
export const whole = (name: string, value: number): NodeAttribute => ({ name, type: ATTRIBUTE.int, value });
export const wholes = (name: string, value: readonly number[]): NodeAttribute => ({ name, type: ATTRIBUTE.int, value });

export const dimensions = (name: string, shape: readonly number[]): NodeAttribute => ({ name, type: ATTRIBUTE.shape, value: shape });

/** Runs an operation of TensorFlow by its name. */
export function run(name: string, attributes: NodeAttribute[], inputs: Tensor[], outputs: number): Tensor[] {
  return backend.executeMultipleOutputs(name, attributes, inputs, outputs);
}

let handles = 0;

/** A handle of a new variable (of float32 unless a TF_DataType says otherwise) that TensorFlow holds and its fused optimizers update in place. */
export function makeVariable(shape: readonly number[], type: number = FLOAT): Tensor {
  return run(
    'VarHandleOp',
    [text('container', ''), text('shared_name', `variable_${handles++}`), typed('dtype', type), dimensions('shape', shape)],
    [],
    1,
  )[0]!;
}

export function assignVariable(handle: Tensor, value: Tensor, type: number = FLOAT): void {
  run('AssignVariableOp', [typed('dtype', type)], [handle, value], 0);
}

/** Rows of a variable, [count, ...], by their int32 numbers [count]. */
export function gatherVariableRows(handle: Tensor, rows: Tensor, type: number = FLOAT): Tensor {
  return run('ResourceGather', [typed('dtype', type), typed('Tindices', INT32)], [handle, rows], 1)[0]!;
}

export function readVariable(handle: Tensor): Tensor {
  return run('ReadVariableOp', [typed('dtype')], [handle], 1)[0]!;
}

export function destroyVariable(handle: Tensor): void {
  run('DestroyResourceOp', [flag('ignore_lookup_error', true)], [handle], 0);
}

/** Half the sum of squares, a scalar. */
export function l2Loss(value: Tensor): Tensor {
  return run('L2Loss', [typed('T')], [value], 1)[0]!;
}

/** [n, ...] of n tensors of one shape and type. */
export function pack(values: Tensor[]): Tensor {
  const type = values[0]!.dtype === 'int32' ? INT32 : FLOAT;
  return run('Pack', [typed('T', type), whole('N', values.length), whole('axis', 0)], values, 1)[0]!;
}

/** Elements of one TF_DataType as another; tfjs' own cast takes bytes for int32. */
export function castTo(value: Tensor, from: number, to: number): Tensor {
  return run('Cast', [typed('SrcT', from), typed('DstT', to), flag('Truncate', false)], [value], 1)[0]!;
}

/** The n tensors along the first axis of one of shape [n, ...]. */
export function unpack(value: Tensor): Tensor[] {
  const count = value.shape[0]!;
  return run('Unpack', [typed('T'), whole('num', count), whole('axis', 0)], [value], count);
}

/** Uniform [0, 1) that depends on the seed alone, int32 [2]. */
export function statelessUniform(shape: readonly number[], seed: Tensor): Tensor {
  return run(
    'StatelessRandomUniform',
    [typed('T', INT32), typed('dtype'), typed('Tseed', INT32)],
    [tf.tensor1d([...shape], 'int32'), seed],
    1,
  )[0]!;
}

/** Cross-entropy of each row of logits [n, classes] with its label (int32 [n]), and its gradient with respect to the logits. */
export function sparseSoftmaxCrossEntropy(logits: Tensor, labels: Tensor): { loss: Tensor; gradient: Tensor } {
  const [loss, gradient] = run('SparseSoftmaxCrossEntropyWithLogits', [typed('T'), typed('Tlabels', INT32)], [logits, labels], 2);
  return { loss: loss!, gradient: gradient! };
}

/** Cross-entropy of each row of logits [n, classes] with probabilities of the same shape, and its gradient with respect to the logits. */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): { loss: Tensor; gradient: Tensor } {
  const [loss, gradient] = run('SoftmaxCrossEntropyWithLogits', [typed('T')], [logits, labels], 2);
  return { loss: loss!, gradient: gradient! };
}

/** x [n, h, w, c] normalised by its own mean and variance: the output, and what the gradient needs. `variance` is Bessel-corrected. */
export function fusedBatchNorm(x: Tensor, scale: Tensor, offset: Tensor, epsilon: number) {
  const empty = tf.tensor1d([], 'float32');
  const [y, mean, variance, ...reserved] = run(
    'FusedBatchNormV3',
    [
      typed('T'),
      typed('U'),
      float('epsilon', epsilon),
      float('exponential_avg_factor', 1),
      text('data_format', 'NHWC'),
      flag('is_training', true),
    ],
    [x, scale, offset, empty, empty],
    6,
  );
  return { y: y!, mean: mean!, variance: variance!, reserved };
}

/** The gradients of `fusedBatchNorm` with respect to x, scale and offset. */
export function fusedBatchNormGradient(
  dy: Tensor,
  x: Tensor,
  scale: Tensor,
  reserved: Tensor[],
  epsilon: number,
): [Tensor, Tensor, Tensor] {
  const [dx, dScale, dOffset] = run(
    'FusedBatchNormGradV3',
    [typed('T'), typed('U'), float('epsilon', epsilon), text('data_format', 'NHWC'), flag('is_training', true)],
    [dy, x, scale, ...reserved],
    5,
  );
  return [dx!, dScale!, dOffset!];
}

const unlocked = flag('use_locking', false);

/** var -= lr·√(1-β₂ᵗ)/(1-β₁ᵗ) · m/(√v + ε), with m and v updated first. */
export function applyAdam(
  variable: Tensor,
  m: Tensor,
  v: Tensor,
  scalars: { beta1Power: Tensor; beta2Power: Tensor; rate: Tensor; beta1: Tensor; beta2: Tensor; epsilon: Tensor },
  gradient: Tensor,
): void {
  const { beta1Power, beta2Power, rate, beta1, beta2, epsilon } = scalars;
  run(
    'ResourceApplyAdam',
    [typed('T'), unlocked, flag('use_nesterov', false)],
    [variable, m, v, beta1Power, beta2Power, rate, beta1, beta2, epsilon, gradient],
    0,
  );
}

/** var -= lr·gradient. */
export function applyGradientDescent(variable: Tensor, rate: Tensor, gradient: Tensor): void {
  run('ResourceApplyGradientDescent', [typed('T'), unlocked], [variable, rate, gradient], 0);
}

/** a = momentum·a - lr·gradient; var += a, or momentum·a - lr·gradient with Nesterov. */
export function applyKerasMomentum(
  variable: Tensor,
  accumulator: Tensor,
  rate: Tensor,
  gradient: Tensor,
  momentum: Tensor,
  nesterov: boolean,
): void {
  run(
    'ResourceApplyKerasMomentum',
    [typed('T'), unlocked, flag('use_nesterov', nesterov)],
    [variable, accumulator, rate, gradient, momentum],
    0,
  );
}

/** s = ρ·s + (1-ρ)·g²; a = momentum·a + lr·g/√(s + ε); var -= a. */
export function applyRmsProp(
  variable: Tensor,
  square: Tensor,
  momentumSlot: Tensor,
  scalars: { rate: Tensor; rho: Tensor; momentum: Tensor; epsilon: Tensor },
  gradient: Tensor,
): void {
  const { rate, rho, momentum, epsilon } = scalars;
  run('ResourceApplyRMSProp', [typed('T'), unlocked], [variable, square, momentumSlot, rate, rho, momentum, epsilon, gradient], 0);
}
