/** Refusals of a POST, and the words they are made of. */
import { Problem, type ProblemCode, received } from '../errors.ts';

/** Throws the Problem, about the field at the pointer. */
export function refuse(code: ProblemCode, pointer: string, detail: string, value: unknown): never {
  throw new Problem(code, detail, { items: [{ pointer, detail, received: received(value) }] });
}

/** Throws INCOMPATIBLE_OPTIONS, about the field at the pointer. */
export function refuseOption(pointer: string, detail: string, value: unknown): never {
  refuse('INCOMPATIBLE_OPTIONS', pointer, detail, value);
}

/** A shape as text: `[28, any, 1]`. */
export const dimensions = (shape: readonly (number | null)[]): string => `[${shape.map((dimension) => dimension ?? 'any').join(', ')}]`;

/** Elements of a shape; free dimensions count as one. */
export const count = (shape: readonly (number | null)[]): number =>
  shape.reduce<number>((product, dimension) => product * (dimension ?? 1), 1);
