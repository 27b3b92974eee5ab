/** What callers get of a model's outputs. */
import type { JobWarning } from '../../ledger/ledger.ts';
import { writeNpz } from '../../report/npz.ts';
import type { NamedArray } from './arrays.ts';

/** The same with names that are each there once: a model may give one layer's output twice. */
export function withDistinctNames(outputs: readonly NamedArray[]): NamedArray[] {
  const seen = new Set<string>();
  return outputs.map((output) => {
    let { name } = output;
    for (let count = 2; seen.has(name); count += 1) name = `${output.name}_${count}`;
    seen.add(name);
    return { ...output, name };
  });
}

/** The bytes of an npz: `y` where there is one output, else an array an output by its name. */
export function npzOfOutputs(outputs: readonly NamedArray[]): Promise<Buffer> {
  return writeNpz(Object.fromEntries(outputs.map((output) => [outputs.length === 1 ? 'y' : output.name, output])));
}

/** One for each output that holds numbers which are NaN or infinite. */
export function nonFiniteWarnings(outputs: readonly NamedArray[]): JobWarning[] {
  return outputs.flatMap(({ name, data }) => {
    const count = data.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
    if (count === 0) return [];
    return [{ code: 'NON_FINITE_OUTPUTS', detail: `${count} of the ${data.length} numbers of output ${name} are NaN or infinite` }];
  });
}
