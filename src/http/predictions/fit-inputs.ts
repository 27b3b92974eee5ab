import { Problem, type ProblemItem, received } from '../../errors.ts';
import type { NamedArray } from '../../jobs/predictions/arrays.ts';
import type { ModelFacts } from '../../model/facts.ts';

type Shape = readonly (number | null)[];

/**
 * The given arrays as the model's inputs, in its order, each [samples, ...]. One that differs in axes of length 1 alone is reshaped. `placeOf` says where an
 * input stands in the request. Throws MODEL_DATASET_MISMATCH where one is missing, unknown, or of another shape, or they differ in samples, and
 * VALIDATION_FAILED beyond `maxSamples`.
 */
export function fitInputs(
  model: Pick<ModelFacts, 'inputs'>,
  given: readonly NamedArray[],
  maxSamples: number,
  placeOf: (name: string) => string,
): NamedArray[] {
  const names = model.inputs.map(({ name }) => name);
  for (const { name } of given) {
    if (!names.includes(name)) throw mismatch(placeOf(name), `The model has no input '${name}'. It has: ${names.join(', ')}`, name);
  }
  const fitted = model.inputs.map(({ name, shape }) => {
    const array = given.find((candidate) => candidate.name === name);
    if (!array) throw mismatch(placeOf(name), `The input '${name}' is missing. The model has: ${names.join(', ')}`);
    const own = array.shape.length === 0 || array.shape.includes(0) ? null : fittedShape(shape.slice(1), array.shape.slice(1));
    if (own === null) {
      const wanted = ['samples', ...shape.slice(1).map((axis) => axis ?? 'any')].join(', ');
      const hint = array.shape.length === shape.length - 1 ? '. A single sample is a list of one' : '';
      throw mismatch(placeOf(name), `The input '${name}' takes [${wanted}]; received [${array.shape.join(', ')}]${hint}`, array.shape);
    }
    return { ...array, shape: [array.shape[0]!, ...own] };
  });
  const samples = fitted[0]!.shape[0]!;
  const other = fitted.find(({ shape }) => shape[0] !== samples);
  if (other) {
    throw mismatch(placeOf(other.name), `'${other.name}' has ${other.shape[0]} samples, '${fitted[0]!.name}' ${samples}`, other.shape);
  }
  if (samples > maxSamples) {
    const detail = `${samples} samples are more than the ${maxSamples} that a prediction takes (max_samples)`;
    throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer: placeOf(names[0]!), detail, received: received(samples) }] });
  }
  return fitted;
}

/** The axes of a sample as the model has them, with the given lengths for its free ones; null where the sample is another. */
function fittedShape(wanted: Shape, given: readonly number[]): number[] | null {
  if (wanted.length === given.length) return wanted.every((axis, index) => axis === null || axis === given[index]) ? [...given] : null;
  if (wanted.includes(null)) return null;
  const fixed = wanted as readonly number[];
  const long = (shape: readonly number[]) => shape.filter((axis) => axis !== 1).join();
  return long(fixed) === long(given) ? [...fixed] : null;
}

function mismatch(pointer: string, detail: string, value?: unknown): Problem {
  const item: ProblemItem = { pointer, detail, ...(value === undefined ? {} : { received: received(value) }) };
  return new Problem('MODEL_DATASET_MISMATCH', detail, { items: [item] });
}
