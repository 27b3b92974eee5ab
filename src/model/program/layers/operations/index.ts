/** The operations of `keras.ops`, by `ops.` and Keras' name; a missing one does not compile. */
import { operandsOf } from '../../../layers/arithmetic.ts';
import { joinedAxis } from '../../../layers/concatenate.ts';
import type { Options, Shape } from '../../../layers/index.ts';
import { isConstant, isTensorOperand, type Operand } from '../../../layers/operand.ts';
import { sampleAxes, sampleAxis } from '../../../layers/operations/axes.ts';
import { castKind } from '../../../layers/operations/cast.ts';
import { resizingOptions } from '../../../layers/operations/images.ts';
import type { OperationName } from '../../../layers/operations/index.ts';
import { padding, takenPlaces, takes } from '../../../layers/operations/indexing.ts';
import { repeats, sections, stackedAxis, tiles } from '../../../layers/operations/joining.ts';
import { moved, swapped, transposed } from '../../../layers/operations/permutation.ts';
import { type Equation, einsumOf, matmulOf } from '../../../layers/operations/products.ts';
import { reducedAxes } from '../../../layers/operations/reduction.ts';
import { expandedAxes, reshapedTo, squeezedAxes } from '../../../layers/operations/reshaping.ts';
import { flag, number } from '../../../layers/options.ts';
import { activate } from '../../activations.ts';
import { constant, type ProgramBuilder } from '../../builder.ts';
import { contract } from '../../contraction.ts';
import type { LoweredCall, Lowering } from '../../lowering.ts';
import type { BinaryName, Dimension, ReductionName, UnaryName, Value } from '../../program.ts';
import { truncated } from '../elementwise.ts';
import { oneHot } from '../embedding.ts';
import { pooling } from '../pooling.ts';
import { known, numbers, sampleShape, truth } from '../sample.ts';
import { repeated, resizing } from '../shaping.ts';

/** An operand as a value: one of the inputs, or what stands in the config. */
function operandValue(b: ProgramBuilder, operand: Operand, inputs: readonly Value[]): Value {
  if (isTensorOperand(operand)) return inputs[operand.tensor]!;
  if (isConstant(operand)) return constant(Float32Array.from(operand.constant.values), operand.constant.shape);
  return b.scalar(Number(operand));
}

type Combine = (b: ProgramBuilder, x: Value, y: Value) => Value;

const arithmetic =
  (combine: Combine): Lowering =>
  (b, { options, inputs }) => {
    const [x, y] = operandsOf(options).map((operand) => numbers(b, operandValue(b, operand, inputs)));
    return combine(b, x!, y!);
  };
const binary = (name: BinaryName): Lowering => arithmetic((b, x, y) => b.binary(name, x, y));
const logic = (name: BinaryName): Lowering => arithmetic((b, x, y) => b.binary(name, truth(b, x), truth(b, y)));

const floorDivided: Combine = (b, x, y) => b.unary('floor', b.div(x, y));
/** x / y, and 0 where y is 0. */
const divideNoNan: Combine = (b, x, y) => {
  const zero = b.binary('equal', y, 0);
  return b.where(zero, 0, b.div(x, b.where(zero, 1, y)));
};
/** The angle of (y, x), by the arc tangent of its quotient; where x is 0 the quotient is 0, and a right angle is added or taken away. */
const arctan2: Combine = (b, y, x) => {
  const upright = b.binary('equal', x, 0);
  const angle = b.unary('atan', b.where(upright, 0, b.div(y, b.where(upright, 1, x))));
  const side = b.where(b.binary('less', y, 0), -1, 1);
  const turned = b.where(b.binary('less', x, 0), b.mul(side, Math.PI), 0);
  return b.where(upright, b.mul(b.unary('sign', y), Math.PI / 2), b.add(angle, turned));
};

type Compute = (b: ProgramBuilder, x: Value, options: Options) => Value;
const plain =
  (name: UnaryName): Compute =>
  (b, x) =>
    b.unary(name, x);
const named =
  (activation: string): Compute =>
  (b, x) =>
    activate(b, x, activation);

/** 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
const fastGelu: Compute = (b, x) => {
  const cube = b.mul(b.mul(x, x), x);
  const inner = b.mul(b.add(x, b.mul(cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return b.mul(b.mul(x, 0.5), b.add(b.unary('tanh', inner), 1));
};

const element =
  (compute: Compute): Lowering =>
  (b, { options, inputs: [x] }) =>
    compute(b, numbers(b, x!), options);

const reduction =
  (reduce: (b: ProgramBuilder, x: Value, axes: number[]) => Value): Lowering =>
  (b, { options, inputs: [x] }) => {
    const axes = reducedAxes(options, sampleShape(x!)).map((axis) => axis + 1);
    const reduced = reduce(b, numbers(b, x!), axes);
    return flag(options, 'keepdims', false) ? reduced : b.squeeze(reduced, axes);
  };
const reduced = (name: ReductionName): Lowering => reduction((b, x, axes) => b.reduce(name, x, axes));
const anyOrAll = (name: 'any' | 'all'): Lowering => reduction((b, x, axes) => b.reduce(name, truth(b, x), axes));
const placed = (of: 'max' | 'min'): Lowering => reduction((b, x, [axis]) => b.cast(b.place(of, x, axis!), 'float32'));
function variance(b: ProgramBuilder, x: Value, axes: number[]): Value {
  const centred = b.sub(x, b.reduce('mean', x, axes));
  return b.reduce('mean', b.mul(centred, centred), axes);
}

const permuted =
  (order: (options: Options, rank: number) => number[]): Lowering =>
  (b, { options, inputs: [x] }) =>
    b.transpose(x!, [0, ...order(options, x!.shape.length - 1).map((axis) => axis + 1)]);

const product =
  (equation: (options: Options, inputs: readonly Shape[]) => Equation): Lowering =>
  (b, { options, inputs }) => {
    const { operands, output } = equation(options, inputs.map(sampleShape));
    const [x, y] = operandsOf(options).map((operand) => numbers(b, operandValue(b, operand, inputs)));
    return contract(b, x!, operands[0], y!, operands[1], output);
  };

const axisOf = (options: Options, x: Value, otherwise: unknown = -1): number => sampleAxis(options.axis ?? otherwise, x.shape.length) + 1;

const logSoftmax: Lowering = (b, { options, inputs: [x] }) => {
  const axis = axisOf(options, x!);
  const shifted = b.sub(x!, b.reduce('max', x!, [axis]));
  return b.sub(shifted, b.unary('log', b.reduce('sum', b.unary('exp', shifted), [axis])));
};

/** Keras bounds the length by its epsilon. */
const normalize: Lowering = (b, { options, inputs: [x] }) => {
  const axes = sampleAxes(options.axis ?? -1, x!.shape.length).map((axis) => axis + 1);
  const epsilon = typeof options.epsilon === 'number' ? options.epsilon : 1e-7;
  const length = b.unary('sqrt', b.reduce('sum', b.mul(x!, x!), axes));
  return b.mul(x!, b.binary('min', b.div(1, length), 1 / epsilon));
};

const cast: Lowering = (b, { options, inputs: [x] }) => {
  switch (castKind(options)) {
    case 'bool':
      return truth(b, x!);
    case 'whole':
      return x!.type === 'bool' ? numbers(b, x!) : truncated(b, x!);
    default:
      return numbers(b, x!);
  }
};

const where: Lowering = (b, { options, inputs }) => {
  const [condition, yes, no] = operandsOf(options).map((operand) => operandValue(b, operand, inputs)) as [Value, Value, Value];
  return b.where(truth(b, condition), numbers(b, yes), numbers(b, no));
};

const getItem: Lowering = (b, { options, inputs: [x] }) => {
  let y = numbers(b, x!);
  let axis = 0;
  const shape: Dimension[] = [];
  for (const part of takenPlaces(options, sampleShape(x!))) {
    if (part === 'new axis') {
      shape.push(1);
      continue;
    }
    axis++;
    if (part.places !== 'all') y = b.take(y, part.places, axis);
    if (!part.drops) shape.push(y.shape[axis]!);
  }
  return b.reshape(y, [y.shape[0]!, ...shape]);
};

const take: Lowering = (b, { options, inputs: [x] }) => {
  const { axis, places, shape } = takes(options, sampleShape(x!));
  return b.reshape(b.take(numbers(b, x!), places, axis + 1), x!.shape.toSpliced(axis + 1, 1, ...shape));
};

const pad: Lowering = (b, { options, inputs: [x] }) => {
  const sides: [number, number][] = [[0, 0], ...padding(options, sampleShape(x!))];
  const value = (operandsOf(options)[1] as number | null | undefined) ?? 0;
  return b.pad(numbers(b, x!), sides, String(options.mode ?? 'constant') as 'constant' | 'reflect' | 'symmetric', value);
};

const split: Lowering = (b, { options, inputs: [x] }) => {
  const { axis, parts } = sections(options, sampleShape(x!));
  return parts.map(([start, length]) => b.part(numbers(b, x!), axis + 1, start, start + length));
};

const unstack: Lowering = (b, { options, inputs: [x] }) => {
  const axis = axisOf(options, x!, 0);
  const length = known(x!.shape[axis], 'the axis');
  return Array.from({ length }, (_none, place) => b.squeeze(b.part(numbers(b, x!), axis, place, place + 1), [axis]));
};

const ofFirst =
  (compute: (b: ProgramBuilder, x: Value, call: LoweredCall) => Value | Value[]): Lowering =>
  (b, call) =>
    compute(b, numbers(b, call.inputs[0]!), call);

export const OPERATION_LOWERINGS: Record<OperationName, Lowering> = {
  'ops.Add': binary('add'),
  'ops.Arctan2': arithmetic(arctan2),
  'ops.Divide': binary('div'),
  'ops.DivideNoNan': arithmetic(divideNoNan),
  'ops.FloorDivide': arithmetic(floorDivided),
  'ops.Maximum': binary('max'),
  'ops.Minimum': binary('min'),
  'ops.Mod': arithmetic((b, x, y) => b.sub(x, b.mul(y, floorDivided(b, x, y)))),
  'ops.Multiply': binary('mul'),
  'ops.Power': binary('pow'),
  'ops.Subtract': binary('sub'),
  'ops.TrueDivide': binary('div'),

  'ops.Absolute': element(plain('abs')),
  'ops.Arccos': element(plain('acos')),
  'ops.Arccosh': element(plain('acosh')),
  'ops.Arcsin': element(plain('asin')),
  'ops.Arcsinh': element(plain('asinh')),
  'ops.Arctan': element(plain('atan')),
  'ops.Arctanh': element(plain('atanh')),
  'ops.Ceil': element(plain('ceil')),
  'ops.Celu': element(named('celu')),
  'ops.Clip': element((b, x, options) => b.binary('min', b.binary('max', x, number(options, 'x_min', 0)), number(options, 'x_max', 0))),
  'ops.Copy': element((_b, x) => x),
  'ops.Cos': element(plain('cos')),
  'ops.Cosh': element(plain('cosh')),
  'ops.Elu': element((b, x, options) => b.unary('elu', x, number(options, 'alpha', 1))),
  'ops.Erf': element(plain('erf')),
  'ops.Exp': element(plain('exp')),
  'ops.Exp2': element((b, x) => b.unary('exp', b.mul(x, Math.LN2))),
  'ops.Expm1': element((b, x) => b.sub(b.unary('exp', x), 1)),
  'ops.Floor': element(plain('floor')),
  'ops.Gelu': element((b, x, options) => (options.approximate === false ? activate(b, x, 'gelu') : fastGelu(b, x, options))),
  'ops.HardShrink': element(named('hard_shrink')),
  'ops.HardSigmoid': element(named('hard_sigmoid')),
  'ops.HardSilu': element(named('hard_silu')),
  'ops.HardTanh': element(named('hard_tanh')),
  'ops.LeakyRelu': element((b, x, options) => b.unary('leaky_relu', x, number(options, 'negative_slope', 0.2))),
  'ops.Log': element(plain('log')),
  'ops.Log10': element((b, x) => b.mul(b.unary('log', x), Math.LOG10E)),
  'ops.Log1p': element((b, x) => b.unary('log', b.add(x, 1))),
  'ops.Log2': element((b, x) => b.mul(b.unary('log', x), Math.LOG2E)),
  'ops.LogSigmoid': element(named('log_sigmoid')),
  'ops.Negative': element(plain('neg')),
  'ops.OnesLike': element((b, x) => b.fill(1, x.shape)),
  'ops.Reciprocal': element((b, x) => b.div(1, x)),
  'ops.Relu': element(named('relu')),
  'ops.Relu6': element(named('relu6')),
  'ops.Round': element(plain('round')),
  'ops.Rsqrt': element((b, x) => b.div(1, b.unary('sqrt', x))),
  'ops.Selu': element(named('selu')),
  'ops.Sigmoid': element(named('sigmoid')),
  'ops.Sign': element(plain('sign')),
  'ops.Silu': element(named('silu')),
  'ops.Sin': element(plain('sin')),
  'ops.Sinh': element(plain('sinh')),
  'ops.SoftShrink': element(named('soft_shrink')),
  'ops.Softplus': element(named('softplus')),
  'ops.Softsign': element(named('softsign')),
  'ops.SparsePlus': element(named('sparse_plus')),
  'ops.SparseSigmoid': element(named('sparse_sigmoid')),
  'ops.Sqrt': element(plain('sqrt')),
  'ops.Square': element((b, x) => b.mul(x, x)),
  'ops.Squareplus': element((b, x, options) => b.mul(b.add(x, b.unary('sqrt', b.add(b.mul(x, x), number(options, 'b', 4)))), 0.5)),
  'ops.StopGradient': element((_b, x) => x),
  'ops.Tan': element(plain('tan')),
  'ops.Tanh': element(named('tanh')),
  'ops.TanhShrink': element(named('tanh_shrink')),
  'ops.Threshold': element((b, x, options) =>
    b.where(b.binary('greater', x, number(options, 'threshold', 0)), x, number(options, 'default_value', 0)),
  ),
  'ops.Trunc': element((b, x) => truncated(b, x)),
  'ops.ZerosLike': element((b, x) => b.fill(0, x.shape)),

  'ops.Equal': binary('equal'),
  'ops.Greater': binary('greater'),
  'ops.GreaterEqual': binary('greater_equal'),
  'ops.Less': binary('less'),
  'ops.LessEqual': binary('less_equal'),
  'ops.LogicalAnd': logic('logical_and'),
  'ops.LogicalNot': (b, { inputs: [x] }) => b.unary('logical_not', truth(b, x!)),
  'ops.LogicalOr': logic('logical_or'),
  'ops.LogicalXor': logic('logical_xor'),
  'ops.NotEqual': binary('not_equal'),
  'ops.Where': where,

  'ops.Cast': cast,
  'ops.ConvertToTensor': cast,

  'ops.All': anyOrAll('all'),
  'ops.Amax': reduced('max'),
  'ops.Amin': reduced('min'),
  'ops.Any': anyOrAll('any'),
  'ops.Argmax': placed('max'),
  'ops.Argmin': placed('min'),
  'ops.Logsumexp': reduction((b, x, axes) => {
    const top = b.reduce('max', x, axes);
    return b.add(b.unary('log', b.reduce('sum', b.unary('exp', b.sub(x, top)), axes)), top);
  }),
  'ops.Max': reduced('max'),
  'ops.Mean': reduced('mean'),
  'ops.Min': reduced('min'),
  'ops.Prod': reduced('prod'),
  'ops.Std': reduction((b, x, axes) => b.unary('sqrt', variance(b, x, axes))),
  'ops.Sum': reduced('sum'),
  'ops.Var': reduction(variance),

  'ops.ExpandDims': (b, { options, inputs: [x] }) => b.expandDims(x!, ...expandedAxes(options, sampleShape(x!)).map((axis) => axis + 1)),
  'ops.Reshape': (b, { options, inputs: [x] }) => b.reshape(x!, [x!.shape[0]!, ...reshapedTo(options, sampleShape(x!))]),
  'ops.Squeeze': (b, { options, inputs: [x] }) =>
    b.squeeze(
      x!,
      squeezedAxes(options, sampleShape(x!)).map((axis) => axis + 1),
    ),

  'ops.Moveaxis': permuted(moved),
  'ops.Swapaxes': permuted(swapped),
  'ops.Transpose': permuted(transposed),

  'ops.Concatenate': (b, { options, inputs }) => {
    const axis = joinedAxis({ axis: options.axis ?? 0 }, inputs[0]!.shape.length - 1) + 1;
    const flagged = inputs.every(({ type }) => type === 'bool');
    return b.concat(flagged ? inputs : inputs.map((input) => numbers(b, input)), axis);
  },
  'ops.Flip': ofFirst((b, x, { options }) => sampleAxes(options.axis, x.shape.length).reduce((y, axis) => b.reverse(y, axis + 1), x)),
  'ops.Repeat': ofFirst((b, x, { options }) => {
    const { axis, times } = repeats(options, sampleShape(x));
    return repeated(b, x, times, axis + 1);
  }),
  'ops.Split': split,
  'ops.Stack': (b, { options, inputs }) => {
    const axis = stackedAxis(options, sampleShape(inputs[0]!)) + 1;
    return b.concat(
      inputs.map((input) => b.expandDims(numbers(b, input), axis)),
      axis,
    );
  },
  'ops.Tile': ofFirst((b, x, { options }) => b.tile(x, [1, ...tiles(options, sampleShape(x))])),
  'ops.Unstack': unstack,

  'ops.GetItem': getItem,
  'ops.OneHot': (b, { options, inputs: [x] }) => oneHot(b, numbers(b, x!), options.num_classes as number),
  'ops.Pad': pad,
  'ops.Take': take,
  'ops.TopK': ofFirst((b, x, { options }) => {
    const [values, places] = b.topK(x, options.k as number);
    return [values, b.cast(places, 'float32')];
  }),

  'ops.Dot': product(matmulOf),
  'ops.Einsum': product(einsumOf),
  'ops.Matmul': product(matmulOf),

  'ops.Cumsum': ofFirst((b, x, { options }) => b.cumsum(x, axisOf(options, x))),
  'ops.LogSoftmax': logSoftmax,
  'ops.Normalize': normalize,
  'ops.Softmax': ofFirst((b, x, { options }) => b.softmax(x, axisOf(options, x))),

  'ops.AveragePool': pooling('mean'),
  'ops.MaxPool': pooling('max'),
  'ops.Resize': (b, call) => resizing(b, { ...call, options: resizingOptions(call.options) }),
};
