/** The models of a job at its data's samples: what follows from the length of their free axes is known with the data set. */
import { Problem } from '../errors.ts';
import type { ModelFacts } from '../model/facts.ts';
import { type Graph, readGraph } from '../model/graph.ts';
import type { CheckedModel } from './check-training.ts';
import { count, dimensions, refuse } from './refuse.ts';

type Shape = readonly (number | null)[];

/** Whether an input takes samples of this shape, give or take axes of length one and flattening; a free axis takes any length. */
export function takesSamples(input: Shape, sample: readonly number[]): boolean {
  const squeezed = (shape: Shape): Shape => shape.filter((dimension) => dimension !== 1);
  const [wanted, given] = [squeezed(input), squeezed(sample)];
  const same = wanted.length === given.length && wanted.every((dimension, axis) => dimension === null || dimension === given[axis]);
  return same || ((input.length === 1 || sample.length === 1) && !input.includes(null) && count(input) === count(sample));
}

/**
 * The model with the axes of its input and output as long as samples of this shape make them; itself where it has no free axis, several inputs, or takes no
 * such samples. Throws Problem MODEL_DATASET_MISMATCH where the samples do not go through its layers.
 */
export async function modelAtSamples(model: CheckedModel, sample: readonly number[], at: string): Promise<CheckedModel> {
  const [input, ...more] = model.facts.inputs;
  const own = input?.shape.slice(1) ?? [];
  if (more.length > 0 || !own.includes(null) || !takesSamples(own, sample)) return model;
  const sized = { ...model, sample };
  return { ...sized, facts: withShapes(model.facts, await graphAt(sized, at)) };
}

/** The graph of the model's config, at the samples that it is checked with. Throws Problem, see `readGraph`. */
export async function graphOf({ readConfig, sample }: Pick<CheckedModel, 'readConfig' | 'sample'>): Promise<Graph> {
  return readGraph(await readConfig(), sample);
}

async function graphAt(model: CheckedModel & { sample: readonly number[] }, at: string): Promise<Graph> {
  try {
    return await graphOf(model);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'MODEL_UNREADABLE') throw error;
    const detail = `The model's input has free axes, and samples of ${dimensions(model.sample)} do not go through it: ${error.message} Accepted: samples of a length that every layer takes.`;
    return refuse('MODEL_DATASET_MISMATCH', at, detail, model.sample);
  }
}

function withShapes(facts: ModelFacts, { inputs, outputs }: Graph): ModelFacts {
  const shaped = <End extends { shape: (number | null)[] }>(ends: readonly End[], known: readonly { shape: Shape }[]): End[] =>
    ends.map((end, index) => ({ ...end, shape: [null, ...known[index]!.shape] }));
  return { ...facts, inputs: shaped(facts.inputs, inputs), outputs: shaped(facts.outputs, outputs) };
}
