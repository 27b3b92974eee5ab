/** Makes a program, operation by operation, and says the shape of each result. */
import type { Weight } from '../document.ts';
import type {
  BinaryName,
  Dimension,
  ElementType,
  Node,
  Operation,
  Program,
  ReductionName,
  SlidingWindow,
  UnaryName,
  Value,
} from './program.ts';

/** Comparisons and logic: their results are flags. */
const FLAGS: ReadonlySet<BinaryName> = new Set([
  'equal',
  'greater',
  'greater_equal',
  'less',
  'less_equal',
  'logical_and',
  'logical_or',
  'logical_xor',
  'not_equal',
]);

/** Longer loops stay loops. */
const MOST_WRITTEN_OUT = 1024;

/** What a step of a loop makes: the states behind it, and one number or more for each step. */
export interface LoopStep {
  states: Value[];
  outputs: Value[];
}

export interface Loop {
  /** What the states are before the first step. */
  states: readonly Value[];
  /** [batch, steps, ...] each. */
  sequences: readonly Value[];
  backwards: boolean;
}

export class ProgramBuilder {
  nodes: Node[] = [];
  /** The layer whose operations are added. */
  layer = '';
  private readonly weights = new Map<Weight, Value>();
  private readonly casts = new Map<Value, Value>();
  private readonly scalars = new Map<string, Value>();
  private lengths = 0;
  /** Whether loops are written out, step by step. */
  private readonly unrolls: boolean;

  constructor({ unrolls }: { unrolls: boolean }) {
    this.unrolls = unrolls;
  }

  /** A weight of the document; the same weight is the same value. */
  weight(weight: Weight): Value {
    const known = this.weights.get(weight);
    if (known) return known;
    const value = constant(weight.data, weight.shape);
    this.weights.set(weight, value);
    return value;
  }

  scalar(number: number, type: 'float32' | 'int32' = 'float32'): Value {
    const key = `${type} ${Object.is(number, -0) ? '-0' : number}`;
    const known = this.scalars.get(key);
    if (known) return known;
    const value: Value = { type, shape: [], constant: { data: type === 'int32' ? Int32Array.of(number) : Float32Array.of(number) } };
    this.scalars.set(key, value);
    return value;
  }

  /** A name for a length that nobody knows yet. */
  length(): string {
    return `length_${++this.lengths}`;
  }

  unary(name: UnaryName, x: Value, slope?: number): Value {
    const operation: Operation = { kind: 'unary', name, ...(slope === undefined ? {} : { slope }) };
    return this.add1(operation, [x], name === 'logical_not' ? 'bool' : x.type, x.shape);
  }

  binary(name: BinaryName, a: Value | number, b: Value | number): Value {
    const inputs = [a, b].map((operand) => (typeof operand === 'number' ? this.scalar(operand) : operand));
    const [x, y] = inputs as [Value, Value];
    return this.add1({ kind: 'binary', name }, inputs, FLAGS.has(name) ? 'bool' : x.type, stretched(x.shape, y.shape));
  }

  add(a: Value | number, b: Value | number): Value {
    return this.binary('add', a, b);
  }

  sub(a: Value | number, b: Value | number): Value {
    return this.binary('sub', a, b);
  }

  mul(a: Value | number, b: Value | number): Value {
    return this.binary('mul', a, b);
  }

  div(a: Value | number, b: Value | number): Value {
    return this.binary('div', a, b);
  }

  where(condition: Value, yes: Value | number, no: Value | number): Value {
    const [a, b] = [yes, no].map((operand) => (typeof operand === 'number' ? this.scalar(operand) : operand)) as [Value, Value];
    return this.add1({ kind: 'where' }, [condition, a, b], a.type, stretched(condition.shape, stretched(a.shape, b.shape)));
  }

  /** A cast back gives what was cast: whole numbers and flags are float32 in between. */
  cast(x: Value, to: ElementType): Value {
    if (x.type === to) return x;
    const source = this.casts.get(x);
    if (source?.type === to) return source;
    const value = this.add1({ kind: 'cast', to }, [x], to, x.shape);
    if (to === 'float32') this.casts.set(value, x);
    return value;
  }

  /** One unknown length of the target may be new. */
  reshape(x: Value, shape: readonly Dimension[]): Value {
    if (sameShape(x.shape, shape)) return x;
    if (x.constant) return { ...x, shape };
    return this.add1({ kind: 'reshape', shape }, [x], x.type, shape);
  }

  /** With axes of 1 before these places of the result, ascending. */
  expandDims(x: Value, ...axes: number[]): Value {
    const shape = [...x.shape];
    for (const axis of axes) shape.splice(axis, 0, 1);
    return this.reshape(x, shape);
  }

  squeeze(x: Value, axes: readonly number[]): Value {
    return this.reshape(
      x,
      x.shape.filter((_length, axis) => !axes.includes(axis)),
    );
  }

  transpose(x: Value, order: readonly number[]): Value {
    if (order.every((axis, index) => axis === index)) return x;
    const shape = order.map((axis) => x.shape[axis]!);
    if (x.constant) return { type: x.type, shape, constant: { data: permuted(x.constant.data, x.shape as number[], order) } };
    return this.add1({ kind: 'transpose', order }, [x], x.type, shape);
  }

  concat(inputs: readonly Value[], axis: number): Value {
    const [first] = inputs;
    if (inputs.length === 1) return first!;
    const lengths = inputs.map(({ shape }) => shape[axis]!);
    const whole = lengths.every((length) => typeof length === 'number');
    const shape = [...first!.shape];
    for (const { shape: other } of inputs) {
      other.forEach((length, at) => {
        if (at !== axis && typeof length === 'number') shape[at] = length;
      });
    }
    shape[axis] = whole ? (lengths as number[]).reduce((sum, length) => sum + length, 0) : this.length();
    return this.add1({ kind: 'concat', axis }, inputs, first!.type, shape);
  }

  /** `begin` and `end` by axis; an end of null is the axis' own. */
  slice(x: Value, begin: readonly number[], end: readonly (number | null)[]): Value {
    const shape = x.shape.map((length, axis) => {
      const [from, to] = [begin[axis]!, end[axis]!];
      if (to !== null && to >= 0) return to - from;
      if (typeof length === 'number') return length + (to ?? 0) - from;
      return from === 0 && to === null ? length : this.length();
    });
    if (sameShape(x.shape, shape)) return x;
    const ends = end.map((to, axis) => (to !== null && to < 0 && typeof x.shape[axis] === 'number' ? x.shape[axis] + to : to));
    return this.add1({ kind: 'slice', begin: [...begin], end: ends }, [x], x.type, shape);
  }

  /** The places [from, to) of one axis; a negative `to` counts from the end. */
  part(x: Value, axis: number, from: number, to: number | null): Value {
    return this.slice(
      x,
      x.shape.map((_length, at) => (at === axis ? from : 0)),
      x.shape.map((_length, at) => (at === axis ? to : null)),
    );
  }

  /** Equal parts along an axis of known length. */
  split(x: Value, count: number, axis: number): Value[] {
    const part = (x.shape[axis] as number) / count;
    return Array.from({ length: count }, (_none, index) => this.part(x, axis, index * part, (index + 1) * part));
  }

  reverse(x: Value, axis: number): Value {
    return this.add1({ kind: 'reverse', axis }, [x], x.type, x.shape);
  }

  pad(x: Value, sides: readonly (readonly [number, number])[], mode: 'constant' | 'reflect' | 'symmetric' = 'constant', value = 0): Value {
    if (sides.every(([before, after]) => before === 0 && after === 0)) return x;
    const shape = x.shape.map((length, axis) => {
      const [before, after] = sides[axis]!;
      return before + after === 0 ? length : typeof length === 'number' ? length + before + after : this.length();
    });
    return this.add1({ kind: 'pad', sides, mode, value }, [x], x.type, shape);
  }

  gather(x: Value, places: Value, axis: number): Value {
    return this.add1({ kind: 'gather', axis }, [x, places], x.type, x.shape.toSpliced(axis, 1, ...places.shape));
  }

  /** The places of an axis in another order, or some of them. */
  take(x: Value, places: readonly number[], axis: number): Value {
    const consecutive = places.every((place, index) => place === places[0]! + index);
    if (consecutive && places.length > 0) return this.part(x, axis, places[0]!, places[0]! + places.length);
    return this.gather(x, { type: 'int32', shape: [places.length], constant: { data: Int32Array.from(places) } }, axis);
  }

  tile(x: Value, times: readonly number[]): Value {
    if (times.every((count) => count === 1)) return x;
    const shape = x.shape.map((length, axis) =>
      times[axis] === 1 ? length : typeof length === 'number' ? length * times[axis]! : this.length(),
    );
    return this.add1({ kind: 'tile', times }, [x], x.type, shape);
  }

  expand(x: Value, shape: readonly Dimension[]): Value {
    return sameShape(x.shape, shape) ? x : this.add1({ kind: 'expand', shape }, [x], x.type, shape);
  }

  /** Numbers of one value in a shape that may be known to a run alone. */
  fill(number: number, shape: readonly Dimension[]): Value {
    return this.expand(this.scalar(number), shape);
  }

  reduce(name: ReductionName, x: Value, axes: readonly number[], keeps = true): Value {
    if (axes.length === 0) return x;
    const reduced = this.add1(
      { kind: 'reduce', name, axes },
      [x],
      x.type,
      x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length)),
    );
    return keeps ? reduced : this.squeeze(reduced, axes);
  }

  place(of: 'max' | 'min', x: Value, axis: number): Value {
    return this.add1({ kind: 'place', of, axis }, [x], 'int32', x.shape.with(axis, 1));
  }

  cumsum(x: Value, axis: number): Value {
    return this.add1({ kind: 'cumsum', axis }, [x], x.type, x.shape);
  }

  topK(x: Value, k: number): [Value, Value] {
    const shape = x.shape.with(-1, k);
    const outputs: [Value, Value] = [
      { type: x.type, shape },
      { type: 'int32', shape },
    ];
    this.push({ kind: 'top_k', k }, [x], outputs);
    return outputs;
  }

  range(length: Dimension): Value {
    if (typeof length === 'number') {
      return { type: 'int32', shape: [length], constant: { data: Int32Array.from({ length }, (_none, index) => index) } };
    }
    return this.add1({ kind: 'range', length }, [], 'int32', [length]);
  }

  matmul(a: Value, b: Value, transposed = false): Value {
    const batch = stretched(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return this.add1({ kind: 'matmul', transposed }, [a, b], a.type, [...batch, a.shape.at(-2)!, b.shape.at(transposed ? -2 : -1)!]);
  }

  softmax(x: Value, axis: number): Value {
    return this.add1({ kind: 'softmax', axis: axis < 0 ? x.shape.length + axis : axis }, [x], x.type, x.shape);
  }

  conv(x: Value, kernel: Value, window: SlidingWindow, groups: number): Value {
    const shape = [...this.slid(x.shape, window), kernel.shape.at(-1)!];
    return this.add1({ kind: 'conv', window, groups }, [x, kernel], x.type, shape);
  }

  depthwiseConv(x: Value, kernel: Value, window: SlidingWindow): Value {
    const shape = [...this.slid(x.shape, window), (kernel.shape.at(-1) as number) * (kernel.shape.at(-2) as number)];
    return this.add1({ kind: 'depthwise_conv', window }, [x, kernel], x.type, shape);
  }

  convTranspose(x: Value, kernel: Value, window: SlidingWindow, output: readonly Dimension[]): Value {
    const shape = [x.shape[0]!, ...output, kernel.shape.at(-2)!];
    return this.add1({ kind: 'conv_transpose', window, output }, [x, kernel], x.type, shape);
  }

  pool(of: 'max' | 'mean', x: Value, window: SlidingWindow): Value {
    return this.add1({ kind: 'pool', of, window }, [x], x.type, [...this.slid(x.shape, window), x.shape.at(-1)!]);
  }

  resize(by: 'nearest' | 'bilinear', x: Value, to: readonly [number, number] | { factors: readonly [number, number] }): Value {
    const [batch, height, width, channels] = x.shape as [Dimension, Dimension, Dimension, Dimension];
    const scaled = (length: Dimension, factor: number): Dimension => (typeof length === 'number' ? length * factor : this.length());
    const target = 'factors' in to ? ([scaled(height, to.factors[0]), scaled(width, to.factors[1])] as const) : to;
    const factors = 'factors' in to ? to.factors : null;
    return this.add1({ kind: 'resize', by, to: target, factors }, [x], x.type, [batch, ...target, channels]);
  }

  /** Runs a loop over the axis behind the batch's. Answers the states after the last step, and what the steps made, [batch, steps, ...] as they were run. */
  loop({ states, sequences, backwards }: Loop, body: (states: Value[], step: Value[]) => LoopStep): LoopStep {
    const steps = sequences[0]!.shape[1]!;
    if (this.unrolls && typeof steps === 'number' && steps <= MOST_WRITTEN_OUT)
      return this.unrolled({ states, sequences, backwards }, steps, body);
    const outside = this.nodes;
    this.nodes = [];
    const stateInputs = states.map(({ type, shape }): Value => ({ type, shape }));
    const stepInputs = sequences.map(({ type, shape }): Value => ({ type, shape: shape.toSpliced(1, 1) }));
    const made = body(stateInputs, stepInputs);
    const inside = this.nodes;
    this.nodes = outside;
    const outputs = [
      ...states.map(({ type, shape }): Value => ({ type, shape })),
      ...made.outputs.map(({ type, shape }): Value => ({ type, shape: shape.toSpliced(1, 0, steps) })),
    ];
    const endpoints = (values: readonly Value[], name: string) => values.map((value, index) => ({ name: `${name}_${index}`, value }));
    this.push(
      {
        kind: 'scan',
        states: states.length,
        backwards,
        body: {
          inputs: endpoints([...stateInputs, ...stepInputs], 'in').map((input) => ({ ...input, type: input.value.type })),
          nodes: inside,
          outputs: endpoints([...made.states, ...made.outputs], 'out'),
        },
      },
      [...states, ...sequences],
      outputs,
    );
    return { states: outputs.slice(0, states.length), outputs: outputs.slice(states.length) };
  }

  private unrolled({ states, sequences, backwards }: Loop, steps: number, body: (states: Value[], step: Value[]) => LoopStep): LoopStep {
    const order = Array.from({ length: steps }, (_none, step) => step);
    const made: Value[][] = [];
    let current = [...states];
    for (const step of backwards ? order.toReversed() : order) {
      const { states: next, outputs } = body(
        current,
        sequences.map((sequence) => this.squeeze(this.part(sequence, 1, step, step + 1), [1])),
      );
      current = next;
      made.push(outputs);
    }
    const outputs = made[0]!.map((_output, index) =>
      this.concat(
        made.map((step) => this.expandDims(step[index]!, 1)),
        1,
      ),
    );
    return { states: current, outputs };
  }

  private slid(shape: readonly Dimension[], { size, strides, dilation, padding }: SlidingWindow): Dimension[] {
    const places = size.map((reach, axis) => {
      const length = shape[axis + 1]!;
      const stride = strides[axis]!;
      if (typeof length === 'string') return padding === 'same' && stride === 1 ? length : this.length();
      return padding === 'same' ? Math.ceil(length / stride) : Math.floor((length - (reach - 1) * dilation[axis]! - 1) / stride) + 1;
    });
    return [shape[0]!, ...places];
  }

  private add1(operation: Operation, inputs: readonly Value[], type: ElementType, shape: readonly Dimension[]): Value {
    const output: Value = { type, shape };
    this.push(operation, inputs, [output]);
    return output;
  }

  private push(operation: Operation, inputs: readonly Value[], outputs: readonly Value[]): void {
    this.nodes.push({ operation, inputs, outputs, layer: this.layer });
  }

  /** What was made, with these ends. */
  program(ends: Pick<Program, 'name' | 'inputs' | 'outputs'>): Program {
    return { ...ends, nodes: this.nodes };
  }
}

/** Numbers that stand in the program. */
export function constant(data: Float32Array, shape: readonly number[]): Value {
  return { type: 'float32', shape, constant: { data } };
}

/** bool of flags. */
export function flags(data: readonly boolean[], shape: readonly number[]): Value {
  return { type: 'bool', shape, constant: { data: Uint8Array.from(data, Number) } };
}

/** The shape of what two tensors make that stretch over one another. */
export function stretched(a: readonly Dimension[], b: readonly Dimension[]): Dimension[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_none, axis) => {
    const [x, y] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (x === 1) return y;
    return y === 1 || typeof x === 'number' ? x : y;
  });
}

export function sameShape(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** Row-major numbers with their axes in another order. */
export function permuted<Data extends Float32Array | Int32Array | Uint8Array>(
  data: Data,
  shape: readonly number[],
  order: readonly number[],
): Data {
  const strides = shape.map((_length, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
  const lengths = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = new (data.constructor as new (length: number) => Data)(data.length);
  const places = new Array<number>(lengths.length).fill(0);
  let from = 0;
  for (let at = 0; at < data.length; at++) {
    result[at] = data[from]!;
    for (let axis = lengths.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++places[axis]! < lengths[axis]!) break;
      from -= steps[axis]! * lengths[axis]!;
      places[axis] = 0;
    }
  }
  return result;
}
