/** Probe inputs and what the model in memory predicts for them: what an exported file must predict when it is loaded again. */
import { writeFileSync } from 'node:fs';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import { writeNpz } from '../report/npz.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { forward } from './network.ts';
import { relativeDifference } from './proof.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import { Variables } from './variables.ts';

/**
 * Writes the probe of a model for inputs [n, ...], and the same as `.npz` (`x`, and `y` or one array an output by name) for callers who want to compare
 * in their own runtime.
 */
export async function writeProbe(paths: { probe: string; predictions: string }, document: ModelDocument, inputs: Tensor): Promise<void> {
  const outputs = predict(document, inputs);
  const onHost = (tensor: Tensor) => ({ shape: tensor.shape, data: Float32Array.from(tensor.dataSync<'float32'>()) });
  const x = onHost(inputs);
  const y = outputs.map(onHost);
  tf.dispose(outputs);
  writeCheckpoint(paths.probe, { state: null, arrays: new Map([['x', x], ...y.map((output, index) => [`y${index}`, output] as const)]) });
  const names = document.graph.outputs.map(({ name }) => name);
  const named = Object.fromEntries(y.map((output, index) => [y.length === 1 ? 'y' : names[index]!, output]));
  writeFileSync(paths.predictions, await writeNpz({ x, ...named }));
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
    const inputs = tensorOf('x');
    const differences = predict(document, inputs).map((output, index) => relativeDifference(tensorOf(`y${index}`), output));
    return { max_relative_difference: Math.max(...differences), samples: inputs.shape[0]! };
  });
}

function predict(document: ModelDocument, inputs: Tensor): Tensor[] {
  const weights = Variables.from(document.weights);
  try {
    return scope(() => forward(document.graph, (key) => weights.read(key), [inputs], { training: false }));
  } finally {
    weights.dispose();
  }
}
