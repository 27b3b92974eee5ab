/** The arithmetic of clipping rules over plain nested arrays of float64, broadcasting as NumPy does. */
import type { Arithmetic, ClippedTensor, ClippingRule } from '../../src/clipping/index.ts';

export type Nested = number | Nested[];

function rankOf(a: Nested): number {
  return typeof a === 'number' ? 0 : 1 + rankOf(a[0]!);
}

function pairwise(of: (a: number, b: number) => number, a: Nested, b: Nested): Nested {
  if (typeof a === 'number' && typeof b === 'number') return of(a, b);
  const [rankA, rankB] = [rankOf(a), rankOf(b)];
  if (rankA > rankB) return (a as Nested[]).map((item) => pairwise(of, item, b));
  if (rankB > rankA) return (b as Nested[]).map((item) => pairwise(of, a, item));
  const [rowsA, rowsB] = [a as Nested[], b as Nested[]];
  const item = (rows: Nested[], index: number): Nested => rows[rows.length === 1 ? 0 : index]!;
  return Array.from({ length: Math.max(rowsA.length, rowsB.length) }, (_, index) => pairwise(of, item(rowsA, index), item(rowsB, index)));
}

function each(of: (a: number) => number, a: Nested): Nested {
  return typeof a === 'number' ? of(a) : a.map((item) => each(of, item));
}

function along(of: (a: number, b: number) => number, a: Nested, axes: readonly number[]): Nested {
  if (typeof a === 'number') return a;
  const inner = axes.map((axis) => axis - 1);
  const items = a.map((item) => along(of, item, inner));
  return axes.includes(0) ? [items.reduce((sum, item) => pairwise(of, sum, item))] : items;
}

export function flat(a: Nested): number[] {
  return typeof a === 'number' ? [a] : a.flatMap(flat);
}

export const NUMBERS: Arithmetic<Nested> = {
  add: (a, b) => pairwise((x, y) => x + y, a, b),
  subtract: (a, b) => pairwise((x, y) => x - y, a, b),
  multiply: (a, b) => pairwise((x, y) => x * y, a, b),
  divide: (a, b) => pairwise((x, y) => x / y, a, b),
  minimum: (a, b) => pairwise(Math.min, a, b),
  maximum: (a, b) => pairwise(Math.max, a, b),
  abs: (a) => each(Math.abs, a),
  sqrt: (a) => each(Math.sqrt, a),
  square: (a) => each((x) => x * x, a),
  greater: (a, b) => pairwise((x, y) => (x > y ? 1 : 0), a, b),
  select: (condition, whenTrue, otherwise) =>
    pairwise(
      (x, y) => x + y,
      chosen(condition, whenTrue),
      chosen(
        pairwise((x) => (x === 0 ? 1 : 0), condition, 0),
        otherwise,
      ),
    ),
  sum: (a) => flat(a).reduce((sum, x) => sum + x, 0),
  maxAlong: (a, axes) => along(Math.max, a, axes),
  sumAlong: (a, axes) => along((x, y) => x + y, a, axes),
  clamp: (a, limit) => pairwise((x, y) => Math.min(y, Math.max(-y, x)), a, limit),
  pack: (scalars) => [...scalars],
  at: (vector, index) => (vector as Nested[])[index]!,
};

/** The value where the condition is not 0, else 0, whatever the value is there. */
function chosen(condition: Nested, value: Nested): Nested {
  return pairwise((x, y) => (x === 0 ? 0 : y), condition, value);
}

/** A weight of a dense kernel's role and shape, unless said otherwise: one unit a column. */
export function tensorOf(key: string, shape: readonly number[], changes: Partial<ClippedTensor> = {}): ClippedTensor {
  return {
    key,
    layer: key.split('/')[0]!,
    role: 'kernel',
    shape,
    unitAxes: shape.map((_, axis) => axis).slice(0, -1),
    last: false,
    ...changes,
  };
}

export interface ClippedNumbers {
  values: Nested[];
  threshold: number | null;
  fraction: number | null;
  before: number;
  after: number;
}

export const lengthOf = (values: Nested): number => Math.hypot(...flat(values));

/** What a rule makes of gradients at a step. Where it does not say the length that is left, that is measured. */
export function clip(rule: ClippingRule, tensors: readonly ClippedTensor[], gradients: readonly Nested[], step = 0, weights = gradients) {
  const inputs = rule.next(step);
  if (inputs.length !== rule.inputs) throw new Error(`The rule gives ${inputs.length} numbers and says ${rule.inputs}`);
  const clipped = rule.clip(NUMBERS, { tensors, values: gradients, weights, lengths: gradients.map(lengthOf) }, inputs);
  return {
    values: [...clipped.values],
    threshold: clipped.threshold as number | null,
    fraction: clipped.fraction as number | null,
    before: lengthOf([...gradients]),
    after: (clipped.length as number | null) ?? lengthOf([...clipped.values]),
  } satisfies ClippedNumbers;
}
