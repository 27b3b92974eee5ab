/**
 * A document's network as primitive operations, outside training: what formats are written from that know no Keras layers. Tensors have the batch as their
 * first axis and channels as their last. Shapes are known but for lengths that only a run knows, which have names.
 */

/** A length: a number, or the name of one that only a run knows. Equal names are equal lengths. */
export type Dimension = number | string;

/** The samples of a run. */
export const BATCH = 'batch';

export type ElementType = 'float32' | 'int32' | 'bool';

export interface Constant {
  /** Row-major; of bool 0 and 1. */
  data: Float32Array | Int32Array | Uint8Array;
}

/** What an operation makes, an input of the program, or a constant. Its identity is that of the object. */
export interface Value {
  type: ElementType;
  shape: readonly Dimension[];
  /** Absent where a run makes it. */
  constant?: Constant;
}

/** Functions of each element by itself. `slope` is that of `leaky_relu` below 0, and what `elu` multiplies there. */
export type UnaryName =
  | 'abs'
  | 'acos'
  | 'acosh'
  | 'asin'
  | 'asinh'
  | 'atan'
  | 'atanh'
  | 'ceil'
  | 'cos'
  | 'cosh'
  | 'elu'
  | 'erf'
  | 'exp'
  | 'floor'
  | 'leaky_relu'
  | 'log'
  | 'logical_not'
  | 'neg'
  | 'relu'
  | 'round'
  | 'sigmoid'
  | 'sign'
  | 'sin'
  | 'sinh'
  | 'softplus'
  | 'softsign'
  | 'sqrt'
  | 'tan'
  | 'tanh';

/** Functions of two elements, over tensors that stretch over one another as in NumPy. */
export type BinaryName =
  | 'add'
  | 'div'
  | 'equal'
  | 'greater'
  | 'greater_equal'
  | 'less'
  | 'less_equal'
  | 'logical_and'
  | 'logical_or'
  | 'logical_xor'
  | 'max'
  | 'min'
  | 'mul'
  | 'not_equal'
  | 'pow'
  | 'sub';

export type ReductionName = 'all' | 'any' | 'max' | 'mean' | 'min' | 'prod' | 'sum';

/** A window over the axes between the batch's and the channels'. `same` adds zeros as TensorFlow does: as many, or one more, behind. */
export interface SlidingWindow {
  size: readonly number[];
  strides: readonly number[];
  dilation: readonly number[];
  padding: 'same' | 'valid';
}

export type Operation =
  | { kind: 'unary'; name: UnaryName; slope?: number }
  | { kind: 'binary'; name: BinaryName }
  /** condition, yes, no. */
  | { kind: 'where' }
  | { kind: 'cast'; to: ElementType }
  | { kind: 'reshape'; shape: readonly Dimension[] }
  | { kind: 'transpose'; order: readonly number[] }
  | { kind: 'concat'; axis: number }
  /** By axis: from `begin` (not negative) up to `end`, null for the axis' own; steps of 1. */
  | { kind: 'slice'; begin: readonly number[]; end: readonly (number | null)[] }
  | { kind: 'reverse'; axis: number }
  | { kind: 'pad'; sides: readonly (readonly [number, number])[]; mode: 'constant' | 'reflect' | 'symmetric'; value: number }
  /** Rows of the first input along an axis, by int32 places of the second. */
  | { kind: 'gather'; axis: number }
  | { kind: 'tile'; times: readonly number[] }
  | { kind: 'expand'; shape: readonly Dimension[] }
  /** Reduced axes stay as axes of 1. */
  | { kind: 'reduce'; name: ReductionName; axes: readonly number[] }
  /** The first place of the extreme along an axis, as int32; the axis stays as one of 1. */
  | { kind: 'place'; of: 'max' | 'min'; axis: number }
  | { kind: 'cumsum'; axis: number }
  /** Values and int32 places of the largest along the last axis, descending. */
  | { kind: 'top_k'; k: number }
  /** int32 [0, 1, ...] of a length. */
  | { kind: 'range'; length: Dimension }
  /** Of the last two axes; `transposed`: the second is [..., columns, inner]. */
  | { kind: 'matmul'; transposed: boolean }
  | { kind: 'softmax'; axis: number }
  /** x, kernel [...size, in / groups, out]. */
  | { kind: 'conv'; window: SlidingWindow; groups: number }
  /** x, kernel [...size, channels, multiplier]. */
  | { kind: 'depthwise_conv'; window: SlidingWindow }
  /** x, kernel [...size, out, in]: what `conv` of this window makes of the places of `output` backwards. */
  | { kind: 'conv_transpose'; window: SlidingWindow; output: readonly Dimension[] }
  /** A mean counts places of the input alone. */
  | { kind: 'pool'; of: 'max' | 'mean'; window: SlidingWindow }
  /** Over two axes, by the centres of pixels. `factors` where it is said by how much, and `to` may be known to a run alone. */
  | { kind: 'resize'; by: 'nearest' | 'bilinear'; to: readonly [Dimension, Dimension]; factors: readonly [number, number] | null }
  | Scan;

/**
 * A loop over the axis behind the batch's. Inputs: `states` that it begins with, then sequences [batch, steps, ...]. Outputs: the states after the last step,
 * then what each step made, [batch, steps, ...] in the order in which the steps were run. Its body may read values from outside.
 */
export interface Scan {
  kind: 'scan';
  states: number;
  /** Whether the last step is run first. */
  backwards: boolean;
  /** Inputs: states and a step [batch, ...] of each sequence. Outputs: the states behind it, and what it makes. */
  body: Pick<Program, 'inputs' | 'nodes' | 'outputs'>;
}

export interface Node {
  operation: Operation;
  inputs: readonly Value[];
  outputs: readonly Value[];
  /** The layer that it is part of. */
  layer: string;
}

export interface Endpoint {
  name: string;
  value: Value;
}

export interface Program {
  name: string;
  /** `type` is that of the numbers as the model is given them, in Keras' words; the value is float32, or bool. */
  inputs: (Endpoint & { type: string })[];
  /** Each before those that read what it makes. */
  nodes: Node[];
  outputs: Endpoint[];
}
