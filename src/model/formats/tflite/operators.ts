/** Operations of a program as builtin operators of TensorFlow Lite. */
import { Inexpressible } from '../../program/lowering.ts';
import type { BinaryName, Dimension, Node, Operation, ReductionName, SlidingWindow, UnaryName, Value } from '../../program/program.ts';
import { type Emitter, type Made, options } from './emitter.ts';
import { MIRROR_PAD_MODE, type OperatorName, PADDING, TENSOR_TYPES, type TensorType } from './schema.ts';

type Of<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>;

/** The most axes of tensors that stretch over one another, and of slices and sides. */
const MOST_STRETCHED = 4;
const MOST_AXES = 5;
const MOST_TRANSPOSED = 6;

const rankOf = (tensor: { shape: readonly Dimension[] }): number => tensor.shape.length;

/** Adds what a program's nodes compute. */
export function emitNodes(e: Emitter, nodes: readonly Node[]): void {
  for (const node of nodes) {
    e.layer = node.layer;
    made(e, node).forEach((tensor, index) => {
      e.define(node.outputs[index]!, tensor);
    });
  }
}

function made(e: Emitter, node: Node): number[] {
  const { operation, inputs, outputs } = node;
  const [x, y] = inputs as [Value, Value];
  const output = outputs[0]!;
  switch (operation.kind) {
    case 'unary':
      return [unary(e, e.get(x), operation)];
    case 'binary':
      return [stretching(e, BINARY[operation.name](x.type), inputs, output)];
    case 'where':
      return [stretching(e, 'SELECT_V2', inputs, output)];
    case 'cast':
      return [e.add1('CAST', [e.get(x)], made1(output))];
    case 'reshape':
      return [e.reshaped(e.get(x), operation.shape)];
    case 'transpose':
      return [transposed(e, e.get(x), operation.order)];
    case 'concat':
      return [
        e.add1(
          'CONCATENATION',
          inputs.map((input) => e.get(input)),
          made1(output),
          options('ConcatenationOptions', { axis: operation.axis }),
        ),
      ];
    case 'slice':
      return [slice(e, x, operation, output)];
    case 'reverse':
      return [e.add1('REVERSE_V2', [e.get(x), e.integers([operation.axis])], made1(output), null, x.type === 'bool' ? 2 : 1)];
    case 'pad':
      return [pad(e, x, operation, output)];
    case 'gather':
      return [e.add1('GATHER', [e.get(x), e.get(y)], made1(output), options('GatherOptions', { axis: operation.axis }))];
    case 'tile':
      return [e.add1('TILE', [e.get(x), e.integers(operation.times)], made1(output))];
    case 'expand':
      return [e.add1('BROADCAST_TO', [e.get(x), e.shape(operation.shape)], made1(output), null, 2)];
    case 'reduce': {
      const axes = e.integers(operation.axes);
      return [e.add1(REDUCTIONS[operation.name], [e.get(x), axes], made1(output), options('ReducerOptions', { keep_dims: 1 }))];
    }
    case 'place': {
      const [name, optionsOf] = operation.of === 'max' ? (['ARG_MAX', 'ArgMaxOptions'] as const) : (['ARG_MIN', 'ArgMinOptions'] as const);
      const shape = output.shape.toSpliced(operation.axis, 1);
      const inputs_ = [e.get(x), e.integer(operation.axis)];
      const places = e.add1(name, inputs_, { type: 'int32', shape }, options(optionsOf, { output_type: TENSOR_TYPES.int32 }));
      return [e.expanded(places, operation.axis)];
    }
    case 'cumsum':
      return [e.add1('CUMSUM', [e.get(x), e.integer(operation.axis)], made1(output), options('CumsumOptions', {}))];
    case 'top_k':
      return e.add('TOPK_V2', [e.get(x), e.integer(operation.k)], outputs.map(made1));
    case 'range': {
      const end = e.squeezed(e.shape([operation.length]), 0);
      return [e.add1('RANGE', [e.integer(0), end, e.integer(1)], made1(output))];
    }
    case 'matmul':
      return [matmul(e, node, operation.transposed)];
    case 'softmax':
      return [softmax(e, x, operation.axis)];
    case 'conv':
      return [convolution(e, node, operation)];
    case 'depthwise_conv':
      return [depthwise(e, node, operation.window)];
    case 'conv_transpose':
      return [transposedConvolution(e, node, operation)];
    case 'pool':
      return [pool(e, e.get(x), operation.of, operation.window, output.shape)];
    case 'resize':
      return [resize(e, x, operation, output)];
    case 'scan': {
      const steps = x === undefined ? null : (inputs.at(-1)!.shape[1] ?? null);
      const received = typeof steps === 'number' ? `it loops over ${steps} steps` : 'it loops over an axis of free length';
      throw new Inexpressible(received, 'a sequence of at most 1,024 steps, a number that is fixed');
    }
  }
}

function made1({ type, shape }: Value): Made {
  return { type, shape };
}

const always =
  (name: OperatorName) =>
  (_type: TensorType): OperatorName =>
    name;

const BINARY: Record<BinaryName, (type: TensorType) => OperatorName> = {
  add: always('ADD'),
  div: always('DIV'),
  equal: always('EQUAL'),
  greater: always('GREATER'),
  greater_equal: always('GREATER_EQUAL'),
  less: always('LESS'),
  less_equal: always('LESS_EQUAL'),
  logical_and: always('LOGICAL_AND'),
  logical_or: always('LOGICAL_OR'),
  logical_xor: always('NOT_EQUAL'),
  max: always('MAXIMUM'),
  min: always('MINIMUM'),
  mul: always('MUL'),
  not_equal: always('NOT_EQUAL'),
  pow: always('POW'),
  sub: always('SUB'),
};

const REDUCTIONS: Record<ReductionName, OperatorName> = {
  all: 'REDUCE_ALL',
  any: 'REDUCE_ANY',
  max: 'REDUCE_MAX',
  mean: 'MEAN',
  min: 'REDUCE_MIN',
  prod: 'REDUCE_PROD',
  sum: 'SUM',
};

/** Operators of one element; the rest is made of them below. */
const UNARY: Partial<Record<UnaryName, OperatorName>> = {
  abs: 'ABS',
  ceil: 'CEIL',
  cos: 'COS',
  exp: 'EXP',
  floor: 'FLOOR',
  log: 'LOG',
  logical_not: 'LOGICAL_NOT',
  neg: 'NEG',
  relu: 'RELU',
  round: 'ROUND',
  sigmoid: 'LOGISTIC',
  sign: 'SIGN',
  sin: 'SIN',
  sqrt: 'SQRT',
  tanh: 'TANH',
};

type Arithmetic = (name: OperatorName, ...operands: (number | { of: number })[]) => number;

function unary(e: Emitter, x: number, operation: Of<'unary'>): number {
  const { name, slope = 0 } = operation;
  const { type, shape } = e.made(x);
  const plain = UNARY[name];
  if (plain) return e.add1(plain, [x], { type, shape });
  // Constants stretch over a few axes alone.
  if (shape.length > MOST_STRETCHED) return e.reshaped(unary(e, e.reshaped(x, [product(shape, 'elements')]), operation), shape);
  // A number is a tensor here, `{ of }` a constant.
  const f: Arithmetic = (operator, ...operands) => {
    const inputs = operands.map((operand) => (typeof operand === 'number' ? operand : e.number(operand.of)));
    return e.add1(operator, inputs, { type, shape });
  };
  const one = { of: 1 };
  /** √((1 - x)(1 + x)). */
  const other = (): number => f('SQRT', f('MUL', f('SUB', one, x), f('ADD', x, one)));
  const half = (combine: 'ADD' | 'SUB'): number => f('MUL', f(combine, f('EXP', x), f('EXP', f('NEG', x))), { of: 0.5 });
  switch (name) {
    case 'leaky_relu':
      return e.add1('LEAKY_RELU', [x], { type, shape }, options('LeakyReluOptions', { alpha: slope }));
    case 'elu':
      if (slope === 1) return f('ELU', x);
      return f('ADD', f('RELU', x), f('MUL', f('ELU', f('MINIMUM', x, { of: 0 })), { of: slope }));
    case 'atan':
      // The operator stretches nothing: these are ones in x's shape.
      return f('ATAN2', x, f('MAXIMUM', f('MINIMUM', x, one), one));
    case 'asin':
      return f('ATAN2', x, other());
    case 'acos':
      return f('ATAN2', other(), x);
    case 'acosh':
      return f('LOG', f('ADD', x, f('MUL', f('SQRT', f('SUB', x, one)), f('SQRT', f('ADD', x, one)))));
    case 'asinh': {
      const magnitude = f('ABS', x);
      return f('MUL', f('SIGN', x), f('LOG', f('ADD', magnitude, f('SQRT', f('ADD', f('MUL', x, x), one)))));
    }
    case 'atanh':
      return f('MUL', f('LOG', f('DIV', f('ADD', x, one), f('SUB', one, x))), { of: 0.5 });
    case 'cosh':
      return half('ADD');
    case 'sinh':
      return half('SUB');
    case 'tan':
      return f('DIV', f('SIN', x), f('COS', x));
    case 'softplus':
      return f('ADD', f('RELU', x), f('LOG', f('ADD', f('EXP', f('NEG', f('ABS', x))), one)));
    case 'softsign':
      return f('DIV', x, f('ADD', f('ABS', x), one));
    case 'erf': {
      // GELU is y·Φ(y), and so of y = √2·x: 2·GELU(y) / y - 1. It is even nothing at 0.
      const zero = e.add1('EQUAL', [x, e.number(0)], { type: 'bool', shape });
      const safe = f('SELECT_V2', zero, one, x);
      const y = f('MUL', safe, { of: Math.SQRT2 });
      const gelu = e.add1('GELU', [y], { type, shape }, options('GeluOptions', {}));
      const made_ = f('SUB', f('DIV', f('MUL', gelu, { of: 2 }), y), one);
      return f('SELECT_V2', zero, { of: 0 }, made_);
    }
    default:
      throw new Error(`${name} is no operator`);
  }
}

/** An operator of tensors that stretch over one another. Axes that do so alike are one where there are too many of them. */
function stretching(e: Emitter, name: OperatorName, inputs: readonly Value[], output: Value): number {
  const rank = rankOf(output);
  const same = inputs.every((input) => rankOf(input) === rank && input.shape.every((length, axis) => length === output.shape[axis]));
  if (same || rank <= MOST_STRETCHED)
    return e.add1(
      name,
      inputs.map((input) => e.get(input)),
      made1(output),
    );
  const spread = inputs.map(({ shape }) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape]);
  const groups: number[][] = [];
  let pattern = '';
  output.shape.forEach((_length, axis) => {
    const own = spread.map((shape) => (shape[axis] === 1 ? '1' : 'n')).join('');
    if (axis > 0 && own === pattern) groups.at(-1)!.push(axis);
    else groups.push([axis]);
    pattern = own;
  });
  if (groups.length > MOST_STRETCHED) {
    const target = e.shape(output.shape);
    const whole = inputs.map((input) => e.add1('BROADCAST_TO', [e.get(input), target], { type: input.type, shape: output.shape }, null, 2));
    return e.add1(name, whole, made1(output));
  }
  const joined = (shape: readonly Dimension[]): Dimension[] =>
    groups.map((axes, index) =>
      product(
        axes.map((axis) => shape[axis]!),
        `joined_${index}`,
      ),
    );
  const given = inputs.map((input, index) => {
    const shape = joined(spread[index]!);
    return input.constant ? e.get({ ...input, shape }) : e.reshaped(e.get(input), shape);
  });
  return e.reshaped(e.add1(name, given, { type: output.type, shape: joined(output.shape) }), output.shape);
}

/** The product of lengths; that of lengths which a run alone knows under a name of its own. */
function product(lengths: readonly Dimension[], name: string): Dimension {
  const named = lengths.filter((length) => typeof length === 'string');
  const known = lengths.filter((length) => typeof length === 'number').reduce((all, length) => all * length, 1);
  if (named.length === 0) return known;
  return named.length === 1 && known === 1 ? named[0]! : name;
}

function transposed(e: Emitter, x: number, order: readonly number[]): number {
  const { type, shape } = e.made(x);
  if (order.length > MOST_TRANSPOSED) throw new Inexpressible(`it orders ${order.length} axes anew`, `at most ${MOST_TRANSPOSED}`);
  return e.add1('TRANSPOSE', [x, e.integers(order)], { type, shape: order.map((axis) => shape[axis]!) });
}

function slice(e: Emitter, x: Value, { begin, end }: Of<'slice'>, output: Value): number {
  const rank = rankOf(x);
  const axes = begin.flatMap((from, axis) => (from !== 0 || end[axis] !== null ? [axis] : []));
  if (rank <= MOST_AXES) return strided(e, e.get(x), begin, end, made1(output));
  // One axis after the other, with those before and behind it as one each.
  let tensor = e.get(x);
  let shape = [...x.shape];
  for (const axis of axes) {
    const apart = [product(shape.slice(0, axis), 'before'), shape[axis]!, product(shape.slice(axis + 1), 'behind')];
    const target = shape.with(axis, output.shape[axis]!);
    const taken = strided(e, e.reshaped(tensor, apart), [0, begin[axis]!, 0], [null, end[axis]!, null], {
      type: x.type,
      shape: apart.with(1, output.shape[axis]!),
    });
    tensor = e.reshaped(taken, target);
    shape = target;
  }
  return tensor;
}

function strided(e: Emitter, x: number, begin: readonly number[], end: readonly (number | null)[], output: Made): number {
  const mask = (axes: readonly boolean[]): number => axes.reduce((bits, set, axis) => bits | (set ? 1 << axis : 0), 0);
  const inputs = [x, e.integers(begin), e.integers(end.map((to) => to ?? 0)), e.integers(begin.map(() => 1))];
  const masks = { begin_mask: mask(begin.map((from) => from === 0)), end_mask: mask(end.map((to) => to === null)) };
  return e.add1('STRIDED_SLICE', inputs, output, options('StridedSliceOptions', masks), output.type === 'bool' ? 3 : 1);
}

function pad(e: Emitter, x: Value, { sides, mode, value }: Of<'pad'>, output: Value): number {
  if (rankOf(x) > MOST_AXES) throw new Inexpressible(`it pads a tensor of ${rankOf(x)} axes`, `at most ${MOST_AXES}`);
  const paddings = e.integers(sides.flat(), [sides.length, 2]);
  if (mode === 'constant') return e.add1('PADV2', [e.get(x), paddings, e.number(value)], made1(output));
  return e.add1('MIRROR_PAD', [e.get(x), paddings], made1(output), options('MirrorPadOptions', { mode: MIRROR_PAD_MODE[mode] }));
}

function softmax(e: Emitter, x: Value, axis: number): number {
  const rank = rankOf(x);
  const last = rank - 1;
  const order = x.shape.map((_length, at) => (at === axis ? last : at === last ? axis : at));
  const turned = axis === last ? e.get(x) : transposed(e, e.get(x), order);
  const { shape } = e.made(turned);
  const flat = rank > 4 ? e.reshaped(turned, [product(shape.slice(0, -1), 'rows'), shape.at(-1)!]) : turned;
  const y = e.reshaped(e.add1('SOFTMAX', [flat], e.made(flat), options('SoftmaxOptions', { beta: 1 })), shape);
  return axis === last ? y : transposed(e, y, order);
}

function matmul(e: Emitter, { inputs, outputs }: Node, transposedKernel: boolean): number {
  const [x, y, bias] = inputs as [Value, Value, Value?];
  const output = outputs[0]!;
  if (y.constant && rankOf(y) === 2) {
    // Its weights are [outputs, inputs].
    const shape = transposedKernel ? (y.shape as number[]) : (y.shape.toReversed() as number[]);
    const { tensor, hybrid } = e.weights(y, { order: transposedKernel ? [0, 1] : [1, 0], shape }, 0);
    const fields = { keep_num_dims: rankOf(x) > 2 ? 1 : 0, ...(hybrid ? { asymmetric_quantize_inputs: 1 } : {}) };
    const version = hybrid ? 12 : 5;
    return e.add1(
      'FULLY_CONNECTED',
      [e.get(x), tensor, ...biasOf(e, bias)],
      made1(output),
      options('FullyConnectedOptions', fields),
      version,
    );
  }
  const given = options('BatchMatMulOptions', { adj_y: transposedKernel ? 1 : 0 });
  if (rankOf(output) <= MOST_AXES) return e.add1('BATCH_MATMUL', [e.get(x), e.get(y)], made1(output), given);
  const alike = rankOf(x) === rankOf(y) && x.shape.slice(0, -2).every((length, axis) => length === y.shape[axis]);
  if (!alike) throw new Inexpressible(`it multiplies matrices over ${rankOf(output)} axes`, `at most ${MOST_AXES}`);
  const flat = (shape: readonly Dimension[]): Dimension[] => [product(shape.slice(0, -2), 'matrices'), ...shape.slice(-2)];
  const operands = [x, y].map((operand) => e.reshaped(e.get(operand), flat(operand.shape)));
  return e.reshaped(e.add1('BATCH_MATMUL', operands, { type: output.type, shape: flat(output.shape) }, given), output.shape);
}

const biasOf = (e: Emitter, bias: Value | undefined): number[] => (bias ? [e.get(bias)] : []);

/** A bias for operators that want one: zeros where there is none. */
function biasOrZeros(e: Emitter, bias: Value | undefined, channels: number): number {
  return e.get(bias ?? { type: 'float32', shape: [channels], constant: { data: new Float32Array(channels) } });
}

/** A window over one axis as one over two, of which the first has one place. */
function flatWindow(window: SlidingWindow): SlidingWindow {
  if (window.size.length !== 1) return window;
  const { size, strides, dilation, padding } = window;
  return { size: [1, size[0]!], strides: [1, strides[0]!], dilation: [1, dilation[0]!], padding };
}

/** Runs what slides over two axes on a tensor of one or two. */
function over2d(e: Emitter, x: number, output: Made, run: (x: number, output: Made) => number): number {
  if (rankOf(e.made(x)) !== 3) return run(x, output);
  return e.squeezed(run(e.expanded(x, 1), { ...output, shape: output.shape.toSpliced(1, 0, 1) }), 1);
}

function sliding({
  strides,
  dilation,
  padding,
}: SlidingWindow): Record<'padding' | 'stride_w' | 'stride_h' | 'dilation_w_factor' | 'dilation_h_factor', number> {
  return {
    padding: PADDING[padding],
    stride_h: strides[0]!,
    stride_w: strides[1]!,
    dilation_h_factor: dilation[0]!,
    dilation_w_factor: dilation[1]!,
  };
}

function convolution(e: Emitter, { inputs, outputs }: Node, { window, groups }: Of<'conv'>): number {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const output = outputs[0]!;
  const shape = kernel.shape as number[];
  if (window.size.length === 3) return convolution3d(e, e.get(x), kernel, bias, window, groups, made1(output));
  const spatial = window.size.map((_reach, axis) => axis);
  const { size, ...flat } = flatWindow(window);
  const arrangement = { order: [shape.length - 1, ...spatial, shape.length - 2], shape: [shape.at(-1)!, ...size, shape.at(-2)!] };
  const { tensor, hybrid } = groups === 1 ? e.weights(kernel, arrangement, 0) : { tensor: e.constant(kernel, arrangement), hybrid: false };
  const version = groups > 1 ? 6 : hybrid ? 5 : flat.dilation.some((rate) => rate > 1) ? 2 : 1;
  return over2d(e, e.get(x), made1(output), (given, made_) =>
    e.add1(
      'CONV_2D',
      [given, tensor, biasOrZeros(e, bias, shape.at(-1)!)],
      made_,
      options('Conv2DOptions', sliding({ size, ...flat })),
      version,
    ),
  );
}

/** Groups of channels are convolved one by one. */
function convolution3d(
  e: Emitter,
  x: number,
  kernel: Value,
  bias: Value | undefined,
  window: SlidingWindow,
  groups: number,
  output: Made,
): number {
  const { strides, dilation, padding } = window;
  const given = options('Conv3DOptions', {
    padding: PADDING[padding],
    stride_d: strides[0]!,
    stride_h: strides[1]!,
    stride_w: strides[2]!,
    dilation_d_factor: dilation[0]!,
    dilation_h_factor: dilation[1]!,
    dilation_w_factor: dilation[2]!,
  });
  if (groups === 1) return e.add1('CONV_3D', [x, e.get(kernel), ...biasOf(e, bias)], output, given);
  throw new Inexpressible(`it convolves three axes in ${groups} groups`, 'one group');
}

function depthwise(e: Emitter, { inputs, outputs }: Node, window: SlidingWindow): number {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const [channels, multiplier] = kernel.shape.slice(-2) as [number, number];
  const { size, ...flat } = flatWindow(window);
  const order = kernel.shape.map((_length, axis) => axis);
  const { tensor, hybrid } = e.weights(kernel, { order, shape: [1, ...size, channels * multiplier] }, 3);
  const given = options('DepthwiseConv2DOptions', { ...sliding({ size, ...flat }), depth_multiplier: multiplier });
  const version = hybrid ? 6 : flat.dilation.some((rate) => rate > 1) ? 2 : 1;
  return over2d(e, e.get(x), made1(outputs[0]!), (from, made_) =>
    e.add1('DEPTHWISE_CONV_2D', [from, tensor, biasOrZeros(e, bias, channels * multiplier)], made_, given, version),
  );
}

function transposedConvolution(e: Emitter, { inputs, outputs }: Node, { window, output }: Of<'conv_transpose'>): number {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const shape = kernel.shape as number[];
  const [channels, depth] = shape.slice(-2) as [number, number];
  const made_ = made1(outputs[0]!);
  if (window.dilation.some((rate) => rate !== 1)) throw new Inexpressible('it is dilated', 'a dilation_rate of 1');
  const lengths = output.map((length, axis) => transposedLength(length, x.shape[axis + 1]!, window, axis));
  if (window.size.length === 3) {
    const given = options('Conv3DOptions', {
      padding: PADDING[window.padding],
      stride_d: window.strides[0]!,
      stride_h: window.strides[1]!,
      stride_w: window.strides[2]!,
    });
    const target = e.shape([made_.shape[0]!, ...lengths, channels]);
    return e.add1('CONV_3D_TRANSPOSE', [target, e.get(kernel), e.get(x), ...biasOf(e, bias)], made_, given);
  }
  const { size, strides, padding } = flatWindow(window);
  const spatial = window.size.map((_reach, axis) => axis);
  const weights = e.constant(kernel, { order: [shape.length - 2, ...spatial, shape.length - 1], shape: [channels, ...size, depth] });
  const given = options('TransposeConvOptions', { padding: PADDING[padding], stride_h: strides[0]!, stride_w: strides[1]! });
  const target = e.shape([made_.shape[0]!, ...(lengths.length === 1 ? [1] : []), ...lengths, channels]);
  return over2d(e, e.get(x), made_, (from, to) =>
    e.add1('TRANSPOSE_CONV', [target, weights, from, biasOrZeros(e, bias, channels)], to, given, 3),
  );
}

function transposedLength(length: Dimension, from: Dimension, { size, strides, padding }: SlidingWindow, axis: number): Dimension {
  if (typeof length === 'number' || length === from) return length;
  const kind = `a window of ${size[axis]} (${padding}) in steps of ${strides[axis]} goes backwards over a free axis`;
  throw new Inexpressible(kind, 'fixed sizes');
}

/** Over three axes first the last two, then the first: the largest of the largest, and the mean of means over equally many. */
function pool(e: Emitter, x: number, of: 'max' | 'mean', window: SlidingWindow, shape: readonly Dimension[]): number {
  const { size, strides, dilation, padding } = flatWindow(window);
  if (dilation.some((rate) => rate !== 1)) throw new Inexpressible('its window is dilated', 'a dilation_rate of 1');
  if (size.length === 3) return pool3d(e, x, of, window, shape);
  const given = options('Pool2DOptions', {
    padding: PADDING[padding],
    stride_h: strides[0]!,
    stride_w: strides[1]!,
    filter_height: size[0]!,
    filter_width: size[1]!,
  });
  const name = of === 'max' ? 'MAX_POOL_2D' : 'AVERAGE_POOL_2D';
  return over2d(e, x, { type: 'float32', shape }, (from, to) => e.add1(name, [from], to, given));
}

function pool3d(e: Emitter, x: number, of: 'max' | 'mean', window: SlidingWindow, shape: readonly Dimension[]): number {
  const { size, strides, padding } = window;
  const [batch, depth, height, width, channels] = e.made(x).shape as [Dimension, Dimension, Dimension, Dimension, Dimension];
  const [, depths, rows, columns] = shape as [Dimension, Dimension, Dimension, Dimension];
  const plane: SlidingWindow = { size: size.slice(1), strides: strides.slice(1), dilation: [1, 1], padding };
  const slices = product([batch, depth], 'slices');
  const planes = pool(e, e.reshaped(x, [slices, height, width, channels]), of, plane, [slices, rows, columns, channels]);
  const places = product([rows, columns], 'places');
  const column: SlidingWindow = { size: [size[0]!, 1], strides: [strides[0]!, 1], dilation: [1, 1], padding };
  const apart = e.reshaped(e.reshaped(planes, [batch, depth, rows, columns, channels]), [batch, depth, places, channels]);
  return e.reshaped(pool(e, apart, of, column, [batch, depths, places, channels]), shape);
}

function resize(e: Emitter, x: Value, { by, to, factors }: Of<'resize'>, output: Value): number {
  const fixed = to.every((length) => typeof length === 'number');
  const size = fixed ? e.integers([...to] as number[]) : scaledSize(e, x, to, factors!);
  if (by === 'nearest') {
    const given = options('ResizeNearestNeighborOptions', { half_pixel_centers: 1 });
    return e.add1('RESIZE_NEAREST_NEIGHBOR', [e.get(x), size], made1(output), given, 3);
  }
  return e.add1('RESIZE_BILINEAR', [e.get(x), size], made1(output), options('ResizeBilinearOptions', { half_pixel_centers: 1 }), 3);
}

/** int32 [2] of an image whose sides a run knows. */
function scaledSize(e: Emitter, x: Value, to: readonly Dimension[], factors: readonly [number, number]): number {
  const sides = e.shape([x.shape[1]!, x.shape[2]!]);
  return e.add1('MUL', [sides, e.integers(factors)], { type: 'int32', shape: [to.length] });
}
