/**
 * What every clipping rule is. A rule is written over an `Arithmetic`, not over tensors of a library: the engine gives it TensorFlow's, in which the rule
 * becomes part of the training step's graph, and the tests give it plain numbers. What a rule remembers stays on the host, as numbers that reach the graph
 * as inputs of the step and that a checkpoint keeps.
 */

/** The operations a rule is made of. Elementwise ones broadcast; a plain number stands for a tensor of it. */
export interface Arithmetic<T> {
  add(a: T | number, b: T | number): T;
  subtract(a: T | number, b: T | number): T;
  multiply(a: T | number, b: T | number): T;
  divide(a: T | number, b: T | number): T;
  minimum(a: T | number, b: T | number): T;
  maximum(a: T | number, b: T | number): T;
  abs(a: T): T;
  sqrt(a: T): T;
  square(a: T): T;
  /** 1 where a > b, else 0. */
  greater(a: T | number, b: T | number): T;
  /** `whenTrue` where the condition is not 0, else `otherwise`. */
  select(condition: T, whenTrue: T | number, otherwise: T | number): T;
  /** The sum of all elements, a scalar. */
  sum(a: T): T;
  /** The largest or the sum along axes, which stay as axes of length one. */
  maxAlong(a: T, axes: readonly number[]): T;
  sumAlong(a: T, axes: readonly number[]): T;
  /** Clamped to [-limit, limit]. */
  clamp(a: T, limit: T | number): T;
  /** Vectors of scalars and back. */
  pack(scalars: readonly T[]): T;
  at(vector: T, index: number): T;
}

/** A trainable weight, as a rule and its options see it. */
export interface ClippedTensor {
  /** `<layer>/<weight>`. */
  key: string;
  layer: string;
  role: 'kernel' | 'bias' | 'scale' | 'offset';
  shape: readonly number[];
  /** Axes within one output unit, over which a unit-wise rule sums; all axes where the tensor is one unit. */
  unitAxes: readonly number[];
  /** Whether the layer makes the model's output. */
  last: boolean;
}

export interface Gradients<T> {
  tensors: readonly ClippedTensor[];
  /** After masking. */
  values: readonly T[];
  /** The weights before the update. */
  weights: readonly T[];
  /** ‖g‖₂ of each tensor, [n]. */
  lengths: T;
}

export interface Clipped<T> {
  values: readonly T[];
  /** The largest norm or element that was let through, a scalar; null where the rule has none. */
  threshold: T | null;
  /** How much was clipped, from 0 to 1, a scalar: the step (global rules), or the fraction of its tensors, units or elements. */
  fraction: T | null;
  /** The global norm of `values`, a scalar; null where it has to be measured. */
  length: T | null;
}

export interface ClippingRule {
  /** How many numbers each step is given. */
  readonly inputs: number;
  /** The numbers for the next step, [inputs]; `step` counts from 0 over the whole job. */
  next(step: number): number[];
  clip<T>(arithmetic: Arithmetic<T>, gradients: Gradients<T>, inputs: readonly T[]): Clipped<T>;
  /** A step was taken: its global norm before and after clipping. Steps that are held back never reach a rule's memory. */
  observe(before: number, after: number): void;
  /** What the rule remembers, as JSON; and back. */
  memory(): unknown;
  restore(memory: unknown): void;
  /** The rule binds on most steps by design, which its verdict says. */
  readonly byDesign?: boolean;
}

/** A rule without a memory. */
export const memoryless = { observe: () => {}, memory: () => null, restore: () => {} };
