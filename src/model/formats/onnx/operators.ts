/** Operations of a program as nodes of ONNX (https://onnx.ai/onnx/operators). */
import { Problem } from '../../../errors.ts';
import { permuted } from '../../program/builder.ts';
import type {
  BinaryName,
  Dimension,
  Node,
  Operation,
  ReductionName,
  Scan,
  SlidingWindow,
  UnaryName,
  Value,
} from '../../program/program.ts';
import { axisIn, Emitter, inLayout, type Layout } from './emitter.ts';
import { type AttributeValue, elementType, valueInfo } from './protobuf.ts';

type Of<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>;

const UNARY: Record<UnaryName, string> = {
  abs: 'Abs',
  acos: 'Acos',
  acosh: 'Acosh',
  asin: 'Asin',
  asinh: 'Asinh',
  atan: 'Atan',
  atanh: 'Atanh',
  ceil: 'Ceil',
  cos: 'Cos',
  cosh: 'Cosh',
  elu: 'Elu',
  erf: 'Erf',
  exp: 'Exp',
  floor: 'Floor',
  leaky_relu: 'LeakyRelu',
  log: 'Log',
  logical_not: 'Not',
  neg: 'Neg',
  relu: 'Relu',
  round: 'Round',
  sigmoid: 'Sigmoid',
  sign: 'Sign',
  sin: 'Sin',
  sinh: 'Sinh',
  softplus: 'Softplus',
  softsign: 'Softsign',
  sqrt: 'Sqrt',
  tan: 'Tan',
  tanh: 'Tanh',
};

const BINARY: Record<Exclude<BinaryName, 'not_equal'>, string> = {
  add: 'Add',
  div: 'Div',
  equal: 'Equal',
  greater: 'Greater',
  greater_equal: 'GreaterOrEqual',
  less: 'Less',
  less_equal: 'LessOrEqual',
  logical_and: 'And',
  logical_or: 'Or',
  logical_xor: 'Xor',
  max: 'Max',
  min: 'Min',
  mul: 'Mul',
  pow: 'Pow',
  sub: 'Sub',
};

/** Of flags: all is the least of them as whole numbers, any the largest. */
const REDUCTIONS: Record<ReductionName, string> = {
  all: 'ReduceMin',
  any: 'ReduceMax',
  max: 'ReduceMax',
  mean: 'ReduceMean',
  min: 'ReduceMin',
  prod: 'ReduceProd',
  sum: 'ReduceSum',
};

const BEHIND_EVERYTHING = 2 ** 53 - 1;

const rankOf = ({ shape }: Value): number => shape.length;
const big = (numbers: readonly number[]): bigint[] => numbers.map(BigInt);

/** Adds the nodes of a program's nodes. */
export function emitNodes(e: Emitter, nodes: readonly Node[]): void {
  for (const node of nodes) {
    e.layer = node.layer;
    made(e, node).forEach(({ name, layout }, index) => {
      e.define(node.outputs[index]!, name, layout);
    });
  }
}

/** A tensor that a node makes. */
interface Made {
  name: string;
  layout: Layout;
}

const one = (name: string, layout: Layout = 'last'): Made[] => [{ name, layout }];

function made(e: Emitter, node: Node): Made[] {
  const { operation, inputs, outputs } = node;
  const [x, y] = inputs as [Value, Value];
  const [output] = outputs as [Value];
  switch (operation.kind) {
    case 'unary': {
      const layout = e.native(x);
      const slope: Record<string, AttributeValue> = operation.slope === undefined ? {} : { alpha: operation.slope };
      return one(e.add1(UNARY[operation.name], [e.get(x, layout)], slope), layout);
    }
    case 'cast': {
      const layout = e.native(x);
      return one(e.add1('Cast', [e.get(x, layout)], { to: BigInt(elementType(operation.to)) }), layout);
    }
    case 'binary': {
      const layout = commonLayout(e, inputs, output);
      const names = inputs.map((input) => e.beside(input, rankOf(output), layout));
      if (operation.name !== 'not_equal') return one(e.add1(BINARY[operation.name], names), layout);
      return one(e.add1('Not', [e.add1('Equal', names)]), layout);
    }
    case 'where': {
      const layout = commonLayout(e, inputs, output);
      const names = inputs.map((input) => e.beside(input, rankOf(output), layout));
      return one(e.add1('Where', names), layout);
    }
    case 'concat': {
      const layout = commonLayout(e, inputs, output);
      const names = inputs.map((input) => e.beside(input, rankOf(output), layout));
      return one(e.add1('Concat', names, { axis: BigInt(axisIn(layout, operation.axis, rankOf(output))) }), layout);
    }
    case 'reshape':
      return one(reshape(e, x, operation.shape));
    case 'transpose':
      return one(e.add1('Transpose', [e.get(x)], { perm: big(operation.order) }));
    case 'slice':
      return one(slice(e, x, operation), e.native(x));
    case 'reverse': {
      const layout = e.native(x);
      const axis = axisIn(layout, operation.axis, rankOf(x));
      const [from, to, steps] = [e.integers([-1], 'starts'), e.integers([-BEHIND_EVERYTHING], 'ends'), e.integers([-1], 'steps')];
      return one(e.add1('Slice', [e.get(x, layout), from, to, e.integers([axis]), steps]), layout);
    }
    case 'pad':
      return pad(e, node, operation);
    case 'gather':
      return one(e.add1('Gather', [e.get(x), e.get(y)], { axis: BigInt(operation.axis) }));
    case 'tile': {
      const layout = e.native(x);
      return one(e.add1('Tile', [e.get(x, layout), e.integers(inLayout(layout, operation.times), 'repeats')]), layout);
    }
    case 'expand':
      return one(e.add1('Expand', [e.get(x), e.shape(operation.shape)]));
    case 'reduce':
      return reduce(e, node, operation);
    case 'place': {
      const layout = e.native(x);
      const axis = BigInt(axisIn(layout, operation.axis, rankOf(x)));
      const places = e.add1(operation.of === 'max' ? 'ArgMax' : 'ArgMin', [e.get(x, layout)], { axis, keepdims: 1n });
      return one(e.add1('Cast', [places], { to: BigInt(elementType('int32')) }), layout);
    }
    case 'cumsum':
      return one(e.add1('CumSum', [e.get(x), e.initializer('axis', Int32Array.of(operation.axis), [])]));
    case 'top_k': {
      const [values, places] = e.add('TopK', [e.get(x), e.integers([operation.k], 'k')], {}, 2);
      return [...one(values!), ...one(e.add1('Cast', [places!], { to: BigInt(elementType('int32')) }))];
    }
    case 'range': {
      const scalar = (name: string): string => e.add1('Squeeze', [name]);
      const end = scalar(e.shape([operation.length]));
      const places = e.add1('Range', [scalar(e.integers([0], 'start')), end, scalar(e.integers([1], 'step'))]);
      return one(e.add1('Cast', [places], { to: BigInt(elementType('int32')) }));
    }
    case 'matmul':
      return one(e.add1('MatMul', [e.get(x), operation.transposed ? turned(e, y) : e.get(y)]));
    case 'softmax': {
      const layout = e.native(x);
      return one(e.add1('Softmax', [e.get(x, layout)], { axis: BigInt(axisIn(layout, operation.axis, rankOf(x))) }), layout);
    }
    case 'conv':
      return one(convolution(e, node, operation.window, operation.groups), 'first');
    case 'depthwise_conv':
      return one(depthwise(e, node, operation.window), 'first');
    case 'conv_transpose':
      return one(transposedConvolution(e, node, operation), 'first');
    case 'pool': {
      const attributes = { kernel_shape: big(operation.window.size), ...sliding(x, operation.window) };
      return one(e.add1(operation.of === 'max' ? 'MaxPool' : 'AveragePool', [e.get(x, 'first')], attributes), 'first');
    }
    case 'resize':
      return one(resize(e, x, operation), 'first');
    case 'scan':
      return scan(e, node, operation);
  }
}

/** The layout in which tensors are put together: channels-first where one of them is, and the others have as many axes or are constants. */
function commonLayout(e: Emitter, inputs: readonly Value[], output: Value): Layout {
  const fits = inputs.every((input) => input.constant || rankOf(input) === rankOf(output));
  return fits && inputs.some((input) => !input.constant && e.native(input) === 'first') ? 'first' : 'last';
}

/** A tensor whose numbers lie alike in both layouts is reshaped from either. */
function reshape(e: Emitter, x: Value, shape: readonly Dimension[]): string {
  const alike = x.shape.at(-1) === 1 || x.shape.slice(1, -1).every((length) => length === 1);
  const layout = alike ? e.native(x) : 'last';
  return e.reshaped(e.get(x, layout), shape, inLayout(layout, x.shape));
}

function slice(e: Emitter, x: Value, { begin, end }: Of<'slice'>): string {
  const layout = e.native(x);
  const axes = begin.flatMap((from, axis) => (from !== 0 || end[axis] !== null ? [axis] : []));
  const ends = axes.map((axis) => end[axis] ?? BEHIND_EVERYTHING);
  const starts = axes.map((axis) => begin[axis]!);
  const places = axes.map((axis) => axisIn(layout, axis, rankOf(x)));
  return e.add1('Slice', [e.get(x, layout), e.integers(starts, 'starts'), e.integers(ends, 'ends'), e.integers(places)]);
}

function pad(e: Emitter, { inputs: [x], layer }: Node, { sides, mode, value }: Of<'pad'>): Made[] {
  const layout = e.native(x!);
  if (mode !== 'symmetric') {
    const ordered = inLayout(layout, sides);
    const pads = e.integers([...ordered.map(([before]) => before), ...ordered.map(([, after]) => after)], 'pads');
    const fill = mode === 'constant' ? [e.initializer('fill', Float32Array.of(value), [])] : [];
    return one(e.add1('Pad', [e.get(x!, layout), pads, ...fill], { mode }), layout);
  }
  // ONNX reflects without the border alone: the places are taken one by one.
  let name = e.get(x!, layout);
  sides.forEach(([before, after], axis) => {
    if (before + after === 0) return;
    const length = x!.shape[axis];
    if (typeof length !== 'number') {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `Layer ${layer} cannot be written as ONNX: it pads a free axis symmetrically; accepted: a fixed size.`,
      );
    }
    const places = Int32Array.from({ length: before + length + after }, (_none, at) => {
      const place = at - before;
      return place < 0 ? -place - 1 : place >= length ? 2 * length - place - 1 : place;
    });
    name = e.add1('Gather', [name, e.initializer('places', places, [places.length])], { axis: BigInt(axisIn(layout, axis, rankOf(x!))) });
  });
  return one(name, layout);
}

function reduce(e: Emitter, { inputs: [x] }: Node, { name, axes }: Of<'reduce'>): Made[] {
  const layout = e.native(x!);
  const rank = rankOf(x!);
  const flagged = name === 'all' || name === 'any';
  const from = e.get(x!, layout);
  const all = layout === 'first' && name === 'mean' && axes.length === rank - 2 && axes.every((axis, index) => axis === index + 1);
  if (all) return one(e.add1('GlobalAveragePool', [from]), layout);
  const numbers = flagged ? e.add1('Cast', [from], { to: BigInt(elementType('int32')) }) : from;
  const places = e.integers(
    axes.map((axis) => axisIn(layout, axis, rank)).sort((a, b) => a - b),
    'axes',
  );
  const reduced = e.add1(REDUCTIONS[name], [numbers, places], { keepdims: 1n });
  return one(flagged ? e.add1('Cast', [reduced], { to: BigInt(elementType('bool')) }) : reduced, layout);
}

/** A matrix whose last two axes change places. */
function turned(e: Emitter, y: Value): string {
  const rank = rankOf(y);
  const order = Array.from({ length: rank }, (_none, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  if (!y.constant) return e.add1('Transpose', [e.get(y)], { perm: big(order) });
  const shape = y.shape as number[];
  return e.initializer(
    'turned',
    permuted(y.constant.data, shape, order),
    order.map((axis) => shape[axis]!),
    y.constant.data,
  );
}

/** Strides, dilation and padding. Zeros on the sides are said by number where the length is known, or does not matter. */
function sliding(x: Value, { size, strides, dilation, padding }: SlidingWindow): Record<string, AttributeValue> {
  const steps: Record<string, AttributeValue> = { strides: big(strides) };
  if (dilation.some((rate) => rate !== 1)) steps.dilations = big(dilation);
  if (padding === 'valid') return steps;
  const totals = size.map((reach, axis) => {
    const length = x.shape[axis + 1]!;
    const stride = strides[axis]!;
    const span = (reach - 1) * dilation[axis]! + 1;
    if (stride === 1) return span - 1;
    return typeof length === 'string' ? null : Math.max((Math.ceil(length / stride) - 1) * stride + span - length, 0);
  });
  // With the rest behind, as TensorFlow has it.
  if (totals.some((total) => total === null)) return { ...steps, auto_pad: 'SAME_UPPER' };
  const before = totals.map((total) => Math.floor(total! / 2));
  return { ...steps, pads: big([...before, ...totals.map((total, axis) => total! - before[axis]!)]) };
}

/** A kernel in ONNX's order: `order` of its axes, then this shape. */
function kernelOf(e: Emitter, kernel: Value, order: readonly number[], shape?: readonly number[]): string {
  const from = kernel.shape as number[];
  const data = kernel.constant!.data;
  const made = shape ?? order.map((axis) => from[axis]!);
  return e.initializer(`kernel_${order.join('')}`, permuted(data, from, order), made, data);
}

const spatial = (rank: number): number[] => Array.from({ length: rank }, (_none, axis) => axis);

const biasOf = (e: Emitter, bias: Value | undefined): string[] => (bias ? [e.get(bias)] : []);

function convolution(e: Emitter, { inputs }: Node, window: SlidingWindow, groups: number): string {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const rank = window.size.length;
  const given = kernelOf(e, kernel, [rank + 1, rank, ...spatial(rank)]);
  return e.add1('Conv', [e.get(x, 'first'), given, ...biasOf(e, bias)], {
    kernel_shape: big(window.size),
    ...(groups === 1 ? {} : { group: BigInt(groups) }),
    ...sliding(x, window),
  });
}

/** As many groups as channels. */
function depthwise(e: Emitter, { inputs }: Node, window: SlidingWindow): string {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const rank = window.size.length;
  const [channels, multiplier] = kernel.shape.slice(-2) as [number, number];
  const given = kernelOf(e, kernel, [rank, rank + 1, ...spatial(rank)], [channels * multiplier, 1, ...window.size]);
  return e.add1('Conv', [e.get(x, 'first'), given, ...biasOf(e, bias)], {
    kernel_shape: big(window.size),
    group: BigInt(channels),
    ...sliding(x, window),
  });
}

/** The padding is that of the convolution that would make the input of the output. */
function transposedConvolution(e: Emitter, { inputs }: Node, { window, output }: Of<'conv_transpose'>): string {
  const [x, kernel, bias] = inputs as [Value, Value, Value?];
  const rank = window.size.length;
  const axes = window.size.map((reach, axis) => {
    const [length, stride, made] = [x.shape[axis + 1]!, window.strides[axis]!, output[axis]!];
    // Of a free axis the output is the input times the stride, and more where a valid window reaches farther.
    if (typeof length === 'string' || typeof made === 'string') {
      const [cut, added] = [Math.max(reach - stride, 0), Math.max(stride - reach, 0)];
      return { cut: window.padding === 'same' ? cut : 0, added };
    }
    const full = (length - 1) * stride + reach;
    const cut = window.padding === 'same' ? Math.max(full - made, 0) : 0;
    return { cut, added: made - full + cut };
  });
  const before = axes.map(({ cut }) => Math.floor(cut / 2));
  const given = kernelOf(e, kernel, [rank + 1, rank, ...spatial(rank)]);
  return e.add1('ConvTranspose', [e.get(x, 'first'), given, ...biasOf(e, bias)], {
    kernel_shape: big(window.size),
    strides: big(window.strides),
    pads: big([...before, ...axes.map(({ cut }, axis) => cut - before[axis]!)]),
    ...(axes.some(({ added }) => added > 0) ? { output_padding: big(axes.map(({ added }) => added)) } : {}),
  });
}

function resize(e: Emitter, x: Value, { by, to, factors }: Of<'resize'>): string {
  const [batch, , , channels] = x.shape as [Dimension, Dimension, Dimension, Dimension];
  const attributes: Record<string, AttributeValue> = {
    coordinate_transformation_mode: 'half_pixel',
    mode: by === 'nearest' ? 'nearest' : 'linear',
    // TensorFlow takes the pixel in which the centre lies.
    ...(by === 'nearest' ? { nearest_mode: 'round_prefer_ceil' } : {}),
  };
  const name = e.get(x, 'first');
  if (factors) return e.add1('Resize', [name, '', e.initializer('scales', Float32Array.of(1, 1, ...factors), [4])], attributes);
  return e.add1('Resize', [name, '', '', e.shape([batch, channels, ...to])], attributes);
}

/** The loop reads its sequences, and writes its outputs, behind the batch's axis. */
function scan(e: Emitter, { inputs, outputs }: Node, { states, backwards, body }: Scan): Made[] {
  const inner = new Emitter(e);
  const ends = (values: readonly { value: Value }[], prefix: string): { names: string[]; infos: ReturnType<typeof valueInfo>[] } => {
    const names = values.map((_value, index) => e.name(`${e.layer}/${prefix}_${index}`));
    return { names, infos: values.map(({ value }, index) => valueInfo(names[index]!, value.type, value.shape)) };
  };
  const given = ends(body.inputs, 'step_in');
  body.inputs.forEach(({ value }, index) => {
    inner.define(value, given.names[index]!);
  });
  const { layer } = e;
  emitNodes(inner, body.nodes);
  inner.layer = layer;
  const left = ends(body.outputs, 'step_out');
  body.outputs.forEach(({ value }, index) => {
    inner.addTo('Identity', [inner.get(value)], left.names[index]!);
  });
  const sequences = BigInt(inputs.length - states);
  const each = (count: number, value: bigint): bigint[] => Array.from({ length: count }, () => value);
  const names = e.add(
    'Scan',
    inputs.map((input) => e.get(input)),
    {
      body: inner.graph(e.name(`${layer}/step`), { input: given.infos, output: left.infos }),
      num_scan_inputs: sequences,
      scan_input_axes: each(inputs.length - states, 1n),
      scan_input_directions: each(inputs.length - states, backwards ? 1n : 0n),
      ...(outputs.length > states ? { scan_output_axes: each(outputs.length - states, 1n) } : {}),
    },
    outputs.length,
  );
  return names.flatMap((name) => one(name));
}
