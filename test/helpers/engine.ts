/** What the engine's tests share: tensors' numbers, gradients of a graph, and whether anything is left behind. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { weightKey } from '../../src/model/graph.ts';
import type { KerasArray } from './keras.ts';

export const tensorOf = ({ shape, data }: KerasArray): Tensor => tf.tensor(data.slice(), shape, 'float32');
export const numbersOf = (tensor: Tensor): Float32Array => Float32Array.from(tensor.dataSync<'float32'>());

export interface GraphGradients {
  y: Float32Array;
  dx: Float32Array;
  /** Of every trainable weight, by key. */
  weights: Map<string, Float32Array>;
  /** New values of weights that the forward pass moved. */
  moved: Map<string, Float32Array>;
}

/** The output of a document for x, and the gradients of sum(output · direction). */
export function gradientsOf(document: ModelDocument, x: KerasArray, direction: KerasArray, training: boolean): GraphGradients {
  const variables = Variables.from(document.weights);
  try {
    return tf.tidy((() => {
      const input = tensorOf(x);
      const values = new Map(variables.keys().map((key) => [key, variables.read(key)]));
      const moved = new Map<string, Tensor>();
      const keys = document.graph.layers
        .filter((layer) => layer.trainable)
        .flatMap((layer) => layer.weights.filter((spec) => spec.role !== 'statistic').map((spec) => weightKey(layer, spec.name)));
      let output: Tensor | null = null;
      const { grads } = tf.engine().gradients(() => {
        const [y] = forward(document.graph, (key) => moved.get(key) ?? values.get(key)!, [input], {
          training,
          random: { seed: 1, step: 0 },
          update: (key, value) => moved.set(key, value),
        });
        output = tf.keep(y!);
        return tf.sum(tf.mul(y!, tensorOf(direction))) as Scalar;
      }, [input, ...keys.map((key) => values.get(key)!)]);
      const result = {
        y: numbersOf(output!),
        dx: numbersOf(grads[0]!),
        weights: new Map(keys.map((key, index) => [key, numbersOf(grads[index + 1]!)])),
        moved: new Map([...moved].map(([key, value]) => [key, numbersOf(value)])),
      };
      tf.dispose([output!, ...moved.values()]);
      return result;
    }) as () => never) as unknown as GraphGradients;
  } finally {
    variables.dispose();
  }
}
