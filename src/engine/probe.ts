/** Probe inputs and what the model in memory predicts for them: what an exported file must predict when it is loaded again. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { forward } from './network.ts';
import { relativeDifference } from './proof.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import { Variables } from './variables.ts';

/** Writes the probe of a model for inputs [n, ...]. */
export function writeProbe(path: string, document: ModelDocument, inputs: Tensor): void {
  const outputs = predict(document, inputs);
  const arrays = new Map([['x', inputs] as const, ...outputs.map((output, index) => [`y${index}`, output] as const)]);
  writeCheckpoint(path, {
    state: null,
    arrays: new Map(
      [...arrays].map(([name, tensor]) => [name, { shape: tensor.shape, data: Float32Array.from(tensor.dataSync<'float32'>()) }]),
    ),
  });
  tf.dispose(outputs);
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
