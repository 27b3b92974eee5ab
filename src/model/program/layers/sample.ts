import type { Shape } from '../../layers/index.ts';
import type { ProgramBuilder } from '../builder.ts';
import { Inexpressible } from '../lowering.ts';
import type { Dimension, Value } from '../program.ts';

/** The axes of one sample as the facts of layers have them. */
export function sampleShape({ shape }: Value): Shape {
  return shape.slice(1).map((length) => (typeof length === 'number' ? length : null));
}

/** Flags and whole numbers as float32. */
export function numbers(b: ProgramBuilder, x: Value): Value {
  return b.cast(x, 'float32');
}

/** Numbers as flags: whatever is not 0 is true. */
export function truth(b: ProgramBuilder, x: Value): Value {
  return x.type === 'bool' ? x : b.binary('not_equal', x, 0);
}

/** The length of an axis. Throws Inexpressible where a run alone knows it. */
export function known(length: Dimension | undefined, what: string): number {
  if (typeof length === 'number') return length;
  throw new Inexpressible(`${what} is free`, 'a fixed size');
}
