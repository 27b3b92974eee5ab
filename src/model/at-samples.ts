/** A model at the samples of a job: its free axes as long as the data make them. */
import type { ModelDocument } from './document.ts';
import { readGraph } from './graph.ts';

/**
 * The document whose graph has the free axes of its one input at the length that samples of this shape have, and every tensor behind it: what is counted and
 * compared by shapes is then that of the data. The config keeps its free axes, and so does what is written of the document (`withFreeAxes`).
 * A document of several inputs, or without a free axis, stays as it is. Throws Problem MODEL_UNREADABLE where the samples do not go through a layer.
 */
export function atSamples(document: ModelDocument, sample: readonly number[]): ModelDocument {
  const [input, ...more] = document.graph.inputs;
  if (more.length > 0 || !input?.shape.includes(null)) return document;
  return { ...document, sample, graph: readGraph(document.config, sample) };
}

/** The document with the graph of its config, free axes and all. */
export function withFreeAxes(document: ModelDocument): ModelDocument {
  if (!document.sample) return document;
  const { sample: _, ...rest } = document;
  return { ...rest, graph: readGraph(document.config) };
}
