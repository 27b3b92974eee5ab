/**
 * The removal proof: the smaller model computes what the original computes when the removed units are silenced.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import type { Graph, TensorId } from '../model/graph.ts';
import { layerClass } from '../model/layers/index.ts';
import type { ChannelMap } from '../pruning/groups.ts';
import type { Removed } from '../pruning/surgery.ts';
import { forward, type WeightReader } from './network.ts';
import { type MaskedForward, maskedForward } from './pruning/masked-forward.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import { Variables } from './variables.ts';

export interface RemovalProof {
  holds: boolean;
  /** max|masked original - smaller| / max|masked original|, on logits, the worst output. */
  relative_difference: number;
  /** max(1e-4, 10 × what the original itself moves under a 1e-7 input perturbation). */
  tolerance: number;
  inputs: number;
  /** Every output is constant over the probe inputs: agreement says nothing. */
  vacuous: boolean;
  /** A normalisation or a softmax over channels has fewer of them: the reference takes its statistics over those that are kept. */
  function_changed: boolean;
}

/** Proves one cut of units on probe inputs [n, ...], n at least 64 where there are so many. `map` and `removed` are of the original. */
export function proveRemoval(
  original: ModelDocument,
  smaller: ModelDocument,
  map: ChannelMap,
  removed: Removed,
  inputs: readonly Tensor[],
): RemovalProof {
  return proveAgainst(original, smaller, (read) => maskedForward(map, removed, read, inputs), inputs);
}

/** Proves a smaller model against what `reference` makes of the original's weights and the inputs; it runs inside a scope. */
export function proveAgainst(
  original: ModelDocument,
  smaller: ModelDocument,
  reference: (read: WeightReader) => MaskedForward,
  inputs: readonly Tensor[],
): RemovalProof {
  const before = Variables.from(original.weights);
  const after = Variables.from(smaller.weights);
  try {
    return scope(() => {
      const options = { training: false, logits: true };
      const { outputs: expected, functionChanged } = reference((key) => before.read(key));
      const result = forward(smaller.graph, (key) => after.read(key), inputs, options);
      const classNumbers = readAsClassNumbers(original.graph);
      const plain = forward(original.graph, (key) => before.read(key), inputs, options);
      const nudged = forward(
        original.graph,
        (key) => before.read(key),
        inputs.map((input, index) =>
          classNumbers.has(original.graph.inputs[index]!.tensor)
            ? input
            : tf.add(input, tf.mul(tf.randomUniform(input.shape, -1, 1, 'float32', 7), 1e-7)),
        ),
        options,
      );
      const difference = Math.max(...expected.map((output, index) => relativeDifference(output, result[index]!)));
      const tolerance = Math.max(1e-4, 10 * Math.max(...plain.map((output, index) => relativeDifference(output, nudged[index]!))));
      const vacuous = expected.every((output) => {
        const spread = tf.sub(tf.max(output, 0), tf.min(output, 0));
        return tf.max(spread).dataSync()[0] === 0;
      });
      return {
        holds: difference <= tolerance,
        relative_difference: difference,
        tolerance,
        inputs: inputs[0]!.shape[0]!,
        vacuous,
        function_changed: functionChanged,
      };
    });
  } finally {
    before.dispose();
    after.dispose();
  }
}

const CLASS_READERS: ReadonlySet<string> = new Set(['CategoryEncoding', 'Embedding', 'ReversibleEmbedding', 'ops.OneHot']);

/** Tensors that a layer reads as class numbers: whole ones, of which a hair less is another class. */
function readAsClassNumbers({ calls }: Graph): Set<TensorId> {
  const read = new Set<TensorId>();
  for (const { layer, inputs, output } of calls.toReversed()) {
    const passes = layerClass(layer.className).keepsValues?.(layer.options) === true && read.has(output);
    if (passes || CLASS_READERS.has(layer.className)) read.add(inputs[0]!);
  }
  return read;
}

/** max|a - b| / max|a|; infinite where a value is not finite. */
export function relativeDifference(a: Tensor, b: Tensor): number {
  const [difference, scale] = [tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(a))].map((value) => value.dataSync<'float32'>()[0]!);
  if (!Number.isFinite(difference!) || !Number.isFinite(scale!)) return Number.POSITIVE_INFINITY;
  return difference === 0 ? 0 : difference! / scale!;
}
