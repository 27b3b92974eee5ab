/** Runs a document's graph, call by call, on weights that somebody else holds. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Call, type Graph, type TensorId, tensorsOf, weightKey } from '../model/graph.ts';
import { layerClass } from '../model/layers/index.ts';
import { outputCall } from '../model/output-call.ts';
import { listed } from './layers/execution.ts';
import { EXECUTIONS, type Invocation } from './layers/index.ts';
import { compare } from './ops/detached.ts';
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
    const outputs = runCall(call, weights, givenTo(call, tensors), options, index, bare);
    placesOf(call).forEach((place, at) => {
      const value = outputs[at]!;
      tensors[place] = options.tap?.(place, value) ?? value;
    });
  }
  return graph.outputs.map((output) => tensors[output.tensor]!);
}

/** What a call is given: its inputs, its further tensors by name, and masks. */
export type CallTensors = Pick<Invocation, 'inputs' | 'extras' | 'masks' | 'alive'>;

/** What a call is given of the tensors that are there already. */
export function givenTo(call: Call, tensors: readonly Tensor[]): CallTensors {
  return {
    inputs: call.inputs.map((tensor) => tensors[tensor]!),
    extras: Object.fromEntries(Object.entries(call.extras).map(([name, extra]) => [name, extra.map((tensor) => tensors[tensor]!)])),
    masks: call.masks.map((mask) => (mask === null ? null : asMask(tensors[mask]!))),
  };
}

/** Where the outputs of a call go: its tensors, and the mask that it makes. */
export function placesOf({ outputs, mask }: Call): TensorId[] {
  return mask === null ? outputs : [...outputs, mask];
}

/** A mask of any type as bool. */
function asMask(mask: Tensor): Tensor {
  return mask.dtype === 'bool' ? mask : compare('NotEqual', mask, tf.scalar(0));
}

/** The calls whose softmax or sigmoid is left out where logits are asked for. */
export function outputCalls(graph: Graph): Set<Call | null> {
  const calls = graph.outputs.map((output) => outputCall(graph, output.tensor));
  if (calls.length === 1) return new Set(calls);
  // Another output may be made of this one's values.
  const read = new Set(graph.calls.flatMap(tensorsOf));
  return new Set(calls.filter((call) => call === null || !call.outputs.some((output) => read.has(output))));
}

/** The outputs of one call, see `placesOf`. `bare` leaves out a softmax or sigmoid that the layer applies last. */
export function runCall(call: Call, weights: WeightReader, given: CallTensors, options: ForwardOptions, index = 0, bare = false): Tensor[] {
  const { layer } = call;
  // Of a masked softmax there are no logits.
  const whole = layer.className === 'Softmax' && given.masks[0];
  const stripped = bare && !whole && isProbability(layerClass(layer.className).activation?.(layer.options));
  if (stripped && ACTIVATIONS_ALONE.has(layer.className)) return [given.inputs[0]!];
  const statistics = layer.className === 'BatchNormalization' && options.frozenStatistics === true;
  const outputs = EXECUTIONS[layer.className]({
    options: stripped ? { ...layer.options, activation: 'linear' } : layer.options,
    callOptions: call.callOptions,
    ...given,
    weights: Object.fromEntries(layer.weights.map((spec) => [spec.name, weights(weightKey(layer, spec.name))])),
    // Keras runs a frozen normalisation layer by its running statistics; dropout drops whether frozen or not.
    training: options.training && !statistics && (layer.trainable || layer.className !== 'BatchNormalization'),
    seed: () => drawSeed(options.random, index),
    update: (weight, value) => options.update?.(weightKey(layer, weight), tf.keep(value)),
  });
  return listed(outputs);
}

/** The call's own seed, int32 [2]: the step's number stays a tensor, so that a recorded step draws anew each time it is replayed. */
function drawSeed(random: ForwardOptions['random'], call: number): Tensor {
  if (!random) throw new Error('A layer that draws random numbers runs in training only');
  return pack([tf.scalar(random.seed ^ Math.imul(call + 1, 0x9e3779b1), 'int32'), random.step]);
}

/** Classes that do nothing but apply their activation. */
const ACTIVATIONS_ALONE: ReadonlySet<string> = new Set(['Activation', 'Softmax', 'ops.Sigmoid', 'ops.Softmax']);

function isProbability(activation: string | undefined): boolean {
  return activation === 'softmax' || activation === 'sigmoid';
}
