/**
 * A model as uploaded: its original Keras config and its named weights. Surgery edits numbers in the config and slices weights; nothing is
 * re-serialised from a runtime's idea of the model, so names, metadata and unknown fields survive.
 */
import { Problem } from '../errors.ts';
import type { ModelFormat } from './facts.ts';
import { type HalfPrecision, rounded } from './formats/half-precision.ts';
import type { Hdf5Dataset } from './formats/hdf5.ts';
import { type Graph, readGraph, weightKey } from './graph.ts';
import { size } from './layers/index.ts';

/** A weight: row-major float32. */
export interface Weight {
  shape: readonly number[];
  data: Float32Array<ArrayBuffer>;
}

export type Weights = Map<string, Weight>;

/** What a document was read from, and what a file of the same format keeps of it. */
export interface Source {
  format: ModelFormat;
  /** The file's names of weights, by their keys; those that are not here have the format's usual ones. */
  names: ReadonlyMap<string, string>;
  /** Weights that the file held in fewer bits than float32, by their keys. */
  narrow: ReadonlyMap<string, HalfPrecision>;
  /** Weights that the file held as float64, by their keys: its own numbers. They are written where no job has changed the weight. */
  doubles: ReadonlyMap<string, Float64Array<ArrayBuffer>>;
}

/** Of a document that was made rather than read: a `.keras` file of float32 numbers. */
const MADE_HERE: Source = { format: 'keras', names: new Map(), narrow: new Map(), doubles: new Map() };

export interface OptimizerVariable extends Hdf5Dataset {
  /** Its name in the `.h5` file it was read from. */
  name?: string;
}

export interface ModelDocument {
  /** The model's config as its file has it, in whatever dialect (`dialect.ts`), with its compilation as `compile_config`. */
  config: Record<string, unknown>;
  /** `metadata.json` of a `.keras` file; of others what they say of themselves outside the config, such as `keras_version`. */
  metadata: Record<string, unknown>;
  source: Source;
  graph: Graph;
  /** The shape of a job's samples, by which the graph has the free axes of its input (`at-samples.ts`); absent where it has them as the config does. */
  sample?: readonly number[] | undefined;
  /** By `<layer>/<weight>`. */
  weights: Weights;
  /** Data sets of the weights file that are no weights of a layer (a seed generator's state, say): written back as they were. */
  extras: Hdf5Dataset[];
  /** The variables of the optimizer as stored, `optimizer/vars/<i>`; absent unless they were asked for or made. `readOptimizerState` names them. */
  optimizer?: OptimizerVariable[];
}

/** A document of a config and its weights. Throws Problem WEIGHTS_MISMATCH when a weight is missing or has another shape, and those of `readGraph`. */
export function makeDocument(parts: Omit<ModelDocument, 'graph' | 'source'> & { source?: Source }): ModelDocument {
  const graph = readGraph(parts.config, parts.sample);
  for (const layer of graph.layers) {
    for (const spec of layer.weights) {
      const weight = parts.weights.get(weightKey(layer, spec.name));
      if (!weight)
        throw new Problem(
          'WEIGHTS_MISMATCH',
          `Layer ${layer.name} has no ${spec.name}; one of shape [${spec.shape.join(', ')}] is needed.`,
        );
      if (weight.shape.length !== spec.shape.length || weight.shape.some((dimension, axis) => dimension !== spec.shape[axis])) {
        throw new Problem(
          'WEIGHTS_MISMATCH',
          `Layer ${layer.name} has a ${spec.name} of shape [${weight.shape.join(', ')}]; its config needs [${spec.shape.join(', ')}].`,
        );
      }
      if (weight.data.length !== size(weight.shape)) {
        throw new Problem(
          'WEIGHTS_MISMATCH',
          `Layer ${layer.name}: ${spec.name} holds ${weight.data.length} numbers for shape [${weight.shape.join(', ')}].`,
        );
      }
    }
  }
  return { source: MADE_HERE, ...parts, graph };
}

/** The document with other weights of the same shapes, and without the optimizer's variables, which went with the old ones. */
export function withWeights(document: ModelDocument, weights: Weights): ModelDocument {
  const { optimizer: _, ...rest } = document;
  return { ...rest, weights };
}

/** The document with its weights as a file of its types holds them: those of a half-precision layer are rounded to it. */
export function asStored(document: ModelDocument): ModelDocument {
  const { narrow } = document.source;
  if (narrow.size === 0) return document;
  const weights = new Map(
    [...document.weights].map(([key, weight]) => {
      const type = narrow.get(key);
      return [key, type ? { ...weight, data: rounded(weight.data, type) } : weight];
    }),
  );
  return { ...document, weights };
}
