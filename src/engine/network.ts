/** Runs a document's graph, call by call, on weights that somebody else holds. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Call, type Graph, type TensorId, weightKey } from '../model/graph.ts';
import { layerClass } from '../model/layers/index.ts';
import { outputCall } from '../model/output-call.ts';
import { EXECUTIONS } from './layers/index.ts';
import { pack } from './raw-ops.ts';
import { tf } from './tensorflow.ts';

/** The present value of a weight, by key. */
export type WeightReader = (key: string) => Tensor;

export interface ForwardOptions {
  training: boolean;
  /** Give what enters the final softmax or sigmoid instead of what leaves it. */
  logits?: boolean;
  /** The job's seed and the step's number (int32 scalar), for layers that draw random numbers. */
  random?: { seed: number; step: Tensor };
  /** Normalisation keeps to its running statistics although `training` is set. */
  frozenStatistics?: boolean;
  /** Sees, and may replace, every call's output. */
  tap?: (tensor: TensorId, value: Tensor) => Tensor;
  /** New values of weights that the forward pass moves; kept, for the caller to dispose. */
  update?: (key: string, value: Tensor) => void;
}

/** The outputs of the graph for a batch, in the order of `graph.outputs`. Call inside `tf.tidy`. */
export function forward(graph: Graph, weights: WeightReader, inputs: readonly Tensor[], options: ForwardOptions): Tensor[] {
  const tensors: Tensor[] = [];
  graph.inputs.forEach((input, index) => {
    tensors[input.tensor] = inputs[index]!;
  });
  const last = outputCalls(graph);
  for (const [index, call] of graph.calls.entries()) {
    const bare = options.logits === true && last.has(call);
    const value = runCall(
      call,
      weights,
      call.inputs.map((tensor) => tensors[tensor]!),
      options,
      index,
      bare,
    );
    tensors[call.output] = options.tap?.(call.output, value) ?? value;
  }
  return graph.outputs.map((output) => tensors[output.tensor]!);
}

/** The calls whose softmax or sigmoid is left out where logits are asked for. */
export function outputCalls(graph: Graph): Set<Call | null> {
  return new Set(graph.outputs.map((output) => outputCall(graph, output.tensor)));
}

/** One call. `bare` leaves out a softmax or sigmoid that the layer applies last. */
export function runCall(call: Call, weights: WeightReader, inputs: Tensor[], options: ForwardOptions, index = 0, bare = false): Tensor {
  const { layer } = call;
  const stripped = bare && isProbability(layerClass(layer.className).activation?.(layer.options));
  if (stripped && (layer.className === 'Softmax' || layer.className === 'Activation')) return inputs[0]!;
  const statistics = layer.className === 'BatchNormalization' && options.frozenStatistics === true;
  return EXECUTIONS[layer.className]({
    options: stripped ? { ...layer.options, activation: 'linear' } : layer.options,
    callOptions: call.callOptions,
    inputs,
    weights: Object.fromEntries(layer.weights.map((spec) => [spec.name, weights(weightKey(layer, spec.name))])),
    // Keras runs a frozen normalisation layer by its running statistics; dropout drops whether frozen or not.
    training: options.training && !statistics && (layer.trainable || layer.className !== 'BatchNormalization'),
    seed: () => drawSeed(options.random, index),
    update: (weight, value) => options.update?.(weightKey(layer, weight), tf.keep(value)),
  });
}

/** The call's own seed, int32 [2]: the step's number stays a tensor, so that a recorded step draws anew each time it is replayed. */
function drawSeed(random: ForwardOptions['random'], call: number): Tensor {
  if (!random) throw new Error('A layer that draws random numbers runs in training only');
  return pack([tf.scalar(random.seed ^ Math.imul(call + 1, 0x9e3779b1), 'int32'), random.step]);
}

function isProbability(activation: string | undefined): boolean {
  return activation === 'softmax' || activation === 'sigmoid';
}
