/** Codes of class numbers, as the preprocessing layers write them. */
import type { Options, RefusedOption, Shape } from './layer-class.ts';

/** `binary` is what Keras 2 called `multi_hot`. */
export function codeOf(options: Options, otherwise: string): string {
  const mode = String(options.output_mode ?? otherwise);
  return mode === 'binary' ? 'multi_hot' : mode;
}

/** Refuses codes other than `modes`, and sparse ones. */
export function refuseCode(options: Options, otherwise: string, modes: readonly string[]): RefusedOption | null {
  if (!modes.includes(codeOf(options, otherwise)))
    return { option: 'output_mode', received: options.output_mode, accepted: modes.join(', ') };
  return options.sparse === true ? { option: 'sparse', received: true, accepted: 'false' } : null;
}

/** The shape of `depth` classes' codes: a row for each number, or for all numbers of a sample. Throws an Error where samples are no vectors or numbers. */
export function codedShape(mode: string, depth: number, input: Shape): Shape {
  if (mode === 'int') return input;
  if (mode === 'one_hot') return input.at(-1) === 1 ? [...input.slice(0, -1), depth] : [...input, depth];
  if (input.length !== 1) throw new Error(`the input has shape [${input.join(', ')}]; a vector of class numbers is needed`);
  return [depth];
}
