/** Probe inputs and what the model in memory predicts for them: what an exported file must predict when it is loaded again. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import { writeNpz } from '../report/npz.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { forward } from './network.ts';
import { relativeDifference } from './proof.ts';
import { writeWithRoom } from './room.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import { Variables } from './variables.ts';

/** As many inputs as the model has, [n, ...] each, and what it predicts for them, in its order. */
interface Probe {
  inputs: NpzArray[];
  outputs: NpzArray[];
}

interface NpzArray {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/**
 * Writes the probe of a model for inputs in the model's order, [n, ...] each, and the same as `.npz` for callers who want to compare in their own runtime:
 * `x` and `y`, or where there are several of one kind an array of each by its name.
 */
export async function writeProbe(
  paths: { probe: string; predictions: string },
  document: ModelDocument,
  inputs: readonly Tensor[],
): Promise<void> {
  const predicted = predict(document, inputs);
  const probe: Probe = { inputs: inputs.map(onHost), outputs: predicted.map(onHost) };
  tf.dispose(predicted);
  const numbered = (letter: string, arrays: NpzArray[]) => arrays.map((array, index) => [`${letter}${index}`, array] as const);
  writeCheckpoint(paths.probe, { state: null, arrays: new Map([...numbered('x', probe.inputs), ...numbered('y', probe.outputs)]) });
  const { graph } = document;
  const arrays = new Map<string, NpzArray>();
  const put = (own: string, names: readonly { name: string }[], list: NpzArray[]) => {
    for (const [index, array] of list.entries()) {
      const name = list.length === 1 ? own : names[index]!.name;
      // An input may be an output too, and an output one twice.
      let free = name;
      for (let count = 2; arrays.has(free); count += 1) free = `${name}_${count}`;
      arrays.set(free, array);
    }
  };
  put('x', graph.inputs, probe.inputs);
  put('y', graph.outputs, probe.outputs);
  const npz = await writeNpz(Object.fromEntries(arrays));
  writeWithRoom(paths.predictions, () => [npz]);
}

/** How far a model is from a probe: max|a - b| / max|a| over its outputs. */
export function compareWithProbe(path: string, document: ModelDocument): { max_relative_difference: number; samples: number } {
  const probe = readCheckpoint(path);
  if (!probe) throw new Error(`${path} is not a probe of this version`);
  return scope(() => {
    const tensorOf = (name: string): Tensor => {
      const { shape, data } = probe.arrays.get(name)!;
      return tf.tensor(data, [...shape], 'float32');
    };
    const inputs = document.graph.inputs.map((_, index) => tensorOf(`x${index}`));
    const differences = predict(document, inputs).map((output, index) => relativeDifference(tensorOf(`y${index}`), output));
    return { max_relative_difference: Math.max(...differences), samples: inputs[0]!.shape[0]! };
  });
}

function onHost(tensor: Tensor): NpzArray {
  return { shape: tensor.shape, data: Float32Array.from(tensor.dataSync<'float32'>()) };
}

/** What the model predicts for inputs in its order; the caller's to dispose of. */
export function predict(document: ModelDocument, inputs: readonly Tensor[]): Tensor[] {
  const weights = Variables.from(document.weights);
  try {
    return scope(() => forward(document.graph, (key) => weights.read(key), inputs, { training: false }));
  } finally {
    weights.dispose();
  }
}
