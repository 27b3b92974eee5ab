import type { Weight } from '../document.ts';
import type { Options } from '../layers/index.ts';
import type { ProgramBuilder } from './builder.ts';
import type { Value } from './program.ts';

/** One call of a layer, as its lowering sees it. */
export interface LoweredCall {
  options: Options;
  inputs: Value[];
  /** Further tensors of the call by name, such as `initial_state`. */
  extras: Record<string, Value[]>;
  /** Of each input: bool, true where a step counts; null where all do. */
  masks: readonly (Value | null)[];
  /** Arguments of this call, such as `use_causal_mask`. */
  callOptions: Options;
  /** By name inside the layer. */
  weights: Record<string, Weight>;
}

/**
 * Says what a layer computes outside training: its output, or all of its outputs, with the mask that it makes as the last. Throws Inexpressible.
 */
export type Lowering = (builder: ProgramBuilder, call: LoweredCall) => Value | Value[];

/** What no operation of a program computes. `accepted` says what would be written. */
export class Inexpressible extends Error {
  constructor(what: string, accepted: string) {
    super(`${what}; accepted: ${accepted}`);
  }
}

/** The outputs of a layer as a list. */
export function listed(outputs: Value | Value[]): Value[] {
  return Array.isArray(outputs) ? outputs : [outputs];
}
