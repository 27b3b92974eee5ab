/**
 * The removal proof: the smaller model computes what the original computes when the removed units are silenced.
 *
 * The reference never uses surgery's index map, which is what is being tested. Each producer's own output axis carries a mask; the mask travels through
 * pooling, padding, reshaping and concatenation by running those very operations on it, and silences the input of every layer that mixes channels.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import type { LayerClassName } from '../model/layers/index.ts';
import type { ChannelMap } from '../pruning/groups.ts';
import type { Removed } from '../pruning/surgery.ts';
import { forward, outputCalls, runCall, type WeightReader } from './network.ts';
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
}

/** What a class does to a mask: lets it through as it is, reshapes it with the data, gives a channel more places, or mixes channels and makes fresh ones. */
const MASKS: Record<LayerClassName, 'through' | 'reshaped' | 'padded' | 'mixed' | 'summed'> = {
  Activation: 'through',
  Add: 'summed',
  AveragePooling2D: 'reshaped',
  BatchNormalization: 'through',
  Concatenate: 'reshaped',
  Conv2D: 'mixed',
  Dense: 'mixed',
  Dropout: 'through',
  Flatten: 'reshaped',
  GlobalAveragePooling2D: 'reshaped',
  GlobalMaxPooling2D: 'reshaped',
  LeakyReLU: 'through',
  MaxPooling2D: 'reshaped',
  ReLU: 'through',
  Rescaling: 'through',
  Reshape: 'reshaped',
  Softmax: 'through',
  ZeroPadding2D: 'padded',
};

/** Proves one cut on probe inputs [n, ...], n at least 64 where there are so many. `map` and `removed` are of the original. */
export function proveRemoval(
  original: ModelDocument,
  smaller: ModelDocument,
  map: ChannelMap,
  removed: Removed,
  inputs: Tensor,
): RemovalProof {
  const before = Variables.from(original.weights);
  const after = Variables.from(smaller.weights);
  try {
    return scope(() => {
      const options = { training: false, logits: true };
      const reference = maskedForward(map, removed, (key) => before.read(key), inputs);
      const result = forward(smaller.graph, (key) => after.read(key), [inputs], options);
      const plain = forward(original.graph, (key) => before.read(key), [inputs], options);
      const nudged = forward(
        original.graph,
        (key) => before.read(key),
        [tf.add(inputs, tf.mul(tf.randomUniform(inputs.shape, -1, 1, 'float32', 7), 1e-7))],
        options,
      );
      const difference = Math.max(...reference.map((output, index) => relativeDifference(output, result[index]!)));
      const tolerance = Math.max(1e-4, 10 * Math.max(...plain.map((output, index) => relativeDifference(output, nudged[index]!))));
      const vacuous = reference.every((output) => {
        const spread = tf.sub(tf.max(output, 0), tf.min(output, 0));
        return tf.max(spread).dataSync()[0] === 0;
      });
      return { holds: difference <= tolerance, relative_difference: difference, tolerance, inputs: inputs.shape[0]!, vacuous };
    });
  } finally {
    before.dispose();
    after.dispose();
  }
}

/** The original's logits with the removed units silenced wherever they are read. */
export function maskedForward(map: ChannelMap, removed: Removed, weights: WeightReader, inputs: Tensor): Tensor[] {
  const { graph } = map;
  const values: Tensor[] = [];
  const masks: Tensor[] = [];
  for (const input of graph.inputs) {
    values[input.tensor] = inputs;
    masks[input.tensor] = tf.ones([1, ...inputs.shape.slice(1)]);
  }
  const last = outputCalls(graph);
  for (const call of graph.calls) {
    const given = call.inputs.map((tensor) => values[tensor]!);
    const givenMasks = call.inputs.map((tensor) => masks[tensor]!);
    const silenced = (): Tensor[] => given.map((value, index) => tf.mul(value, givenMasks[index]!));
    const options = { training: false };
    const bare = last.has(call);
    const run = (tensors: Tensor[], stripped = false): Tensor => runCall(call, weights, tensors, options, 0, stripped);
    const kind = MASKS[call.layer.className];
    switch (kind) {
      case 'through':
        values[call.output] = run(given, bare);
        masks[call.output] = givenMasks[0]!;
        break;
      case 'reshaped':
        values[call.output] = run(given);
        masks[call.output] = run(givenMasks);
        break;
      case 'padded':
        // The border lives where its channel does: a normalisation behind it makes something of its zeros.
        values[call.output] = run(given);
        masks[call.output] = tf.mul(tf.ones([1, ...values[call.output]!.shape.slice(1)]), tf.max(givenMasks[0]!, [1, 2], true));
        break;
      case 'summed':
        // Where all summands lose the same channels nothing needs silencing; where they do not, only what is left of each may count.
        values[call.output] = run(silenced());
        masks[call.output] = givenMasks.reduce((all, mask) => tf.maximum(all, mask));
        break;
      case 'mixed': {
        values[call.output] = run(silenced(), bare);
        const producer = map.producers.find((candidate) => candidate.call === call);
        const alive = Float32Array.from(producer?.units ?? [], (unit) => (removed[unit] ? 0 : 1));
        masks[call.output] = tf.mul(tf.ones([1, ...values[call.output]!.shape.slice(1)]), tf.tensor1d(alive));
        break;
      }
    }
  }
  return graph.outputs.map((output) => values[output.tensor]!);
}

/** max|a - b| / max|a|; infinite where a value is not finite. */
export function relativeDifference(a: Tensor, b: Tensor): number {
  const [difference, scale] = [tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(a))].map((value) => value.dataSync<'float32'>()[0]!);
  if (!Number.isFinite(difference!) || !Number.isFinite(scale!)) return Number.POSITIVE_INFINITY;
  return difference === 0 ? 0 : difference! / scale!;
}
