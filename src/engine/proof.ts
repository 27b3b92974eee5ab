/**
 * The removal proof: the smaller model computes what the original computes when the removed units are silenced.
 *
 * The reference never uses surgery's index map, which is what is being tested. Each producer's own output axis carries a mask; the mask travels through
 * pooling, padding, reshaping and concatenation by running those very operations on it, and silences the input of every layer that mixes channels.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ModelDocument } from '../model/document.ts';
import type { Call } from '../model/graph.ts';
import type { LayerClassName } from '../model/layers/index.ts';
import type { OperationName } from '../model/layers/operations/index.ts';
import type { ChannelMap } from '../pruning/groups.ts';
import type { Removed } from '../pruning/surgery.ts';
import { type CallTensors, forward, givenTo, outputCalls, placesOf, runCall, type WeightReader } from './network.ts';
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

/**
 * What a class does to a mask: lets it through as it is, reshapes it with the data, gives each channel's mask to all places of what was made of it, mixes
 * channels and makes fresh ones, joins what several inputs hold of the same channel, or is one through which no channel may be cut.
 */
type Kind = 'through' | 'reshaped' | 'channelwise' | 'mixed' | 'summed' | 'uncut';

/** Of operations only those through which channels can be followed; the others are 'uncut'. */
const MASKS: Record<Exclude<LayerClassName, OperationName>, Kind> & Partial<Record<OperationName, Kind>> = {
  'ops.Absolute': 'through',
  'ops.Add': 'summed',
  'ops.Amax': 'channelwise',
  'ops.Amin': 'channelwise',
  'ops.Arccos': 'through',
  'ops.Arccosh': 'through',
  'ops.Arcsin': 'through',
  'ops.Arcsinh': 'through',
  'ops.Arctan': 'through',
  'ops.Arctanh': 'through',
  'ops.AveragePool': 'reshaped',
  'ops.Cast': 'through',
  'ops.Ceil': 'through',
  'ops.Celu': 'through',
  'ops.Clip': 'through',
  'ops.Concatenate': 'reshaped',
  'ops.ConvertToTensor': 'through',
  'ops.Copy': 'through',
  'ops.Cos': 'through',
  'ops.Cosh': 'through',
  'ops.Divide': 'summed',
  'ops.DivideNoNan': 'summed',
  'ops.Elu': 'through',
  'ops.Erf': 'through',
  'ops.Exp': 'through',
  'ops.Exp2': 'through',
  'ops.ExpandDims': 'reshaped',
  'ops.Expm1': 'through',
  'ops.Flip': 'reshaped',
  'ops.Floor': 'through',
  'ops.FloorDivide': 'summed',
  'ops.Gelu': 'through',
  'ops.GetItem': 'reshaped',
  'ops.HardShrink': 'through',
  'ops.HardSigmoid': 'through',
  'ops.HardSilu': 'through',
  'ops.HardTanh': 'through',
  'ops.LeakyRelu': 'through',
  'ops.Log': 'through',
  'ops.Log10': 'through',
  'ops.Log1p': 'through',
  'ops.Log2': 'through',
  'ops.LogSigmoid': 'through',
  'ops.Max': 'channelwise',
  'ops.MaxPool': 'reshaped',
  'ops.Maximum': 'summed',
  'ops.Mean': 'channelwise',
  'ops.Min': 'channelwise',
  'ops.Minimum': 'summed',
  'ops.Mod': 'summed',
  'ops.Moveaxis': 'reshaped',
  'ops.Multiply': 'summed',
  'ops.Negative': 'through',
  'ops.OnesLike': 'through',
  'ops.Reciprocal': 'through',
  'ops.Relu': 'through',
  'ops.Relu6': 'through',
  'ops.Repeat': 'reshaped',
  'ops.Resize': 'reshaped',
  'ops.Round': 'through',
  'ops.Rsqrt': 'through',
  'ops.Selu': 'through',
  'ops.Sigmoid': 'through',
  'ops.Sign': 'through',
  'ops.Silu': 'through',
  'ops.Sin': 'through',
  'ops.Sinh': 'through',
  'ops.SoftShrink': 'through',
  'ops.Softplus': 'through',
  'ops.Softsign': 'through',
  'ops.SparsePlus': 'through',
  'ops.SparseSigmoid': 'through',
  'ops.Sqrt': 'through',
  'ops.Square': 'through',
  'ops.Squareplus': 'through',
  'ops.Squeeze': 'reshaped',
  'ops.StopGradient': 'through',
  'ops.Subtract': 'summed',
  'ops.Sum': 'channelwise',
  'ops.Swapaxes': 'reshaped',
  'ops.Take': 'reshaped',
  'ops.Tan': 'through',
  'ops.Tanh': 'through',
  'ops.TanhShrink': 'through',
  'ops.Threshold': 'through',
  'ops.Tile': 'reshaped',
  'ops.Transpose': 'reshaped',
  'ops.TrueDivide': 'summed',
  'ops.Trunc': 'through',
  'ops.ZerosLike': 'through',
  Activation: 'through',
  ActivityRegularization: 'through',
  AdaptiveAveragePooling1D: 'reshaped',
  AdaptiveAveragePooling2D: 'reshaped',
  AdaptiveAveragePooling3D: 'reshaped',
  AdaptiveMaxPooling1D: 'reshaped',
  AdaptiveMaxPooling2D: 'reshaped',
  AdaptiveMaxPooling3D: 'reshaped',
  Add: 'summed',
  AdditiveAttention: 'mixed',
  AlphaDropout: 'through',
  Attention: 'mixed',
  AugMix: 'through',
  Average: 'summed',
  AveragePooling1D: 'reshaped',
  AveragePooling2D: 'reshaped',
  AveragePooling3D: 'reshaped',
  BatchNormalization: 'through',
  Bidirectional: 'mixed',
  CategoryEncoding: 'uncut',
  CenterCrop: 'reshaped',
  Concatenate: 'reshaped',
  Conv1D: 'mixed',
  Conv1DTranspose: 'mixed',
  Conv2D: 'mixed',
  Conv2DTranspose: 'mixed',
  Conv3D: 'mixed',
  Conv3DTranspose: 'mixed',
  ConvLSTM1D: 'mixed',
  ConvLSTM2D: 'mixed',
  ConvLSTM3D: 'mixed',
  Cropping1D: 'reshaped',
  Cropping2D: 'reshaped',
  Cropping3D: 'reshaped',
  CustomScaleLayer: 'summed',
  CutMix: 'through',
  Dense: 'mixed',
  DepthwiseConv1D: 'channelwise',
  DepthwiseConv2D: 'channelwise',
  Discretization: 'uncut',
  Dot: 'mixed',
  Dropout: 'through',
  ELU: 'through',
  EinsumDense: 'mixed',
  Embedding: 'mixed',
  Flatten: 'reshaped',
  GRU: 'mixed',
  GaussianDropout: 'through',
  GaussianNoise: 'through',
  GlobalAveragePooling1D: 'reshaped',
  GlobalAveragePooling2D: 'reshaped',
  GlobalAveragePooling3D: 'reshaped',
  GlobalMaxPooling1D: 'reshaped',
  GlobalMaxPooling2D: 'reshaped',
  GlobalMaxPooling3D: 'reshaped',
  GroupNormalization: 'through',
  GroupQueryAttention: 'mixed',
  Identity: 'through',
  InputLayer: 'through',
  LSTM: 'mixed',
  LayerNormalization: 'through',
  LayerScale: 'through',
  LeakyReLU: 'through',
  Masking: 'through',
  MaxNumBoundingBoxes: 'through',
  MaxPooling1D: 'reshaped',
  MaxPooling2D: 'reshaped',
  MaxPooling3D: 'reshaped',
  Maximum: 'summed',
  Minimum: 'summed',
  MixUp: 'through',
  MultiHeadAttention: 'mixed',
  Multiply: 'summed',
  Normalization: 'through',
  PReLU: 'through',
  Permute: 'reshaped',
  RMSNormalization: 'through',
  RNN: 'mixed',
  RandAugment: 'through',
  RandomBrightness: 'through',
  RandomColorDegeneration: 'through',
  RandomColorJitter: 'through',
  RandomContrast: 'through',
  RandomElasticTransform: 'through',
  RandomErasing: 'through',
  RandomFlip: 'through',
  RandomGaussianBlur: 'through',
  RandomGrayscale: 'through',
  RandomHue: 'through',
  RandomInvert: 'through',
  RandomPerspective: 'through',
  RandomPosterization: 'through',
  RandomRotation: 'through',
  RandomSaturation: 'through',
  RandomSharpness: 'through',
  RandomShear: 'through',
  RandomTranslation: 'through',
  RandomZoom: 'through',
  ReLU: 'through',
  RepeatVector: 'reshaped',
  Rescaling: 'through',
  Reshape: 'reshaped',
  Resizing: 'reshaped',
  ReversibleEmbedding: 'uncut',
  SeparableConv1D: 'mixed',
  SeparableConv2D: 'mixed',
  SimpleRNN: 'mixed',
  Softmax: 'through',
  Solarization: 'through',
  SpatialDropout1D: 'through',
  SpatialDropout2D: 'through',
  SpatialDropout3D: 'through',
  StochasticDepth: 'through',
  Subtract: 'summed',
  TimeDistributed: 'mixed',
  UnitNormalization: 'through',
  UpSampling1D: 'reshaped',
  UpSampling2D: 'reshaped',
  UpSampling3D: 'reshaped',
  ZeroPadding1D: 'channelwise',
  ZeroPadding2D: 'channelwise',
  ZeroPadding3D: 'channelwise',
};

/** Proves one cut on probe inputs [n, ...], n at least 64 where there are so many. `map` and `removed` are of the original. */
export function proveRemoval(
  original: ModelDocument,
  smaller: ModelDocument,
  map: ChannelMap,
  removed: Removed,
  inputs: readonly Tensor[],
): RemovalProof {
  const before = Variables.from(original.weights);
  const after = Variables.from(smaller.weights);
  try {
    return scope(() => {
      const options = { training: false, logits: true };
      const reference = maskedForward(map, removed, (key) => before.read(key), inputs);
      const result = forward(smaller.graph, (key) => after.read(key), inputs, options);
      const plain = forward(original.graph, (key) => before.read(key), inputs, options);
      const nudged = forward(
        original.graph,
        (key) => before.read(key),
        inputs.map((input) => tf.add(input, tf.mul(tf.randomUniform(input.shape, -1, 1, 'float32', 7), 1e-7))),
        options,
      );
      const difference = Math.max(...reference.map((output, index) => relativeDifference(output, result[index]!)));
      const tolerance = Math.max(1e-4, 10 * Math.max(...plain.map((output, index) => relativeDifference(output, nudged[index]!))));
      const vacuous = reference.every((output) => {
        const spread = tf.sub(tf.max(output, 0), tf.min(output, 0));
        return tf.max(spread).dataSync()[0] === 0;
      });
      return { holds: difference <= tolerance, relative_difference: difference, tolerance, inputs: inputs[0]!.shape[0]!, vacuous };
    });
  } finally {
    before.dispose();
    after.dispose();
  }
}

/** The original's logits with the removed units silenced wherever they are read. */
export function maskedForward(map: ChannelMap, removed: Removed, weights: WeightReader, inputs: readonly Tensor[]): Tensor[] {
  const { graph } = map;
  const values: Tensor[] = [];
  const masks: Tensor[] = [];
  for (const [index, input] of graph.inputs.entries()) {
    values[input.tensor] = inputs[index]!;
    masks[input.tensor] = tf.ones([1, ...inputs[index]!.shape.slice(1)]);
  }
  const last = outputCalls(graph);
  for (const call of graph.calls) {
    const given = givenTo(call, values);
    const givenMasks = call.inputs.map((tensor) => masks[tensor]!);
    const silenced = (): CallTensors => ({ ...given, inputs: given.inputs.map((value, index) => tf.mul(value, givenMasks[index]!)) });
    const options = { training: false };
    const bare = last.has(call);
    /** The first output; the others, through which nothing is cut, go to their places. */
    const run = (tensors: CallTensors, stripped = false): Tensor => {
      const [value, ...rest] = runCall(call, weights, tensors, options, 0, stripped);
      placesOf(call)
        .slice(1)
        .forEach((place, index) => {
          values[place] = rest[index]!;
          masks[place] = tf.ones([1, ...rest[index]!.shape.slice(1)]);
        });
      return value!;
    };
    switch (kindOf(call, map, removed)) {
      case 'through':
        values[call.output] = run(given, bare);
        masks[call.output] = givenMasks[0]!;
        break;
      case 'reshaped':
        values[call.output] = run(given);
        masks[call.output] = runCall(call, weights, { inputs: givenMasks, extras: {}, masks: givenMasks.map(() => null) }, options)[0]!;
        break;
      case 'channelwise': {
        // The border of a padding lives where its channel does: a normalisation behind it makes something of its zeros.
        const value = run(given);
        values[call.output] = value;
        masks[call.output] = tf.mul(tf.ones([1, ...value.shape.slice(1)]), channelMask(givenMasks[0]!, value.shape.at(-1)!));
        break;
      }
      case 'summed': {
        // Where all inputs lose the same channels nothing needs silencing; where they do not, only what is left of each may count.
        const value = run(silenced());
        const alike = givenMasks.filter((mask) => mask.shape.at(-1) === value.shape.at(-1));
        values[call.output] = value;
        masks[call.output] = tf.mul(
          tf.ones([1, ...value.shape.slice(1)]),
          alike.map((mask) => channelMask(mask, value.shape.at(-1)!)).reduce((all, mask) => tf.maximum(all, mask)),
        );
        break;
      }
      case 'mixed': {
        values[call.output] = run(silenced(), bare);
        const producer = map.producers.find((candidate) => candidate.call === call);
        const alive = Float32Array.from(producer?.units ?? [], (unit) => (removed[unit] ? 0 : 1));
        masks[call.output] = tf.mul(tf.ones([1, ...values[call.output]!.shape.slice(1)]), tf.tensor1d(alive));
        break;
      }
      case 'uncut':
        values[call.output] = run(given, bare);
        masks[call.output] = tf.ones([1, ...values[call.output]!.shape.slice(1)]);
        break;
    }
  }
  return graph.outputs.map((output) => values[output.tensor]!);
}

/** What a call does to masks. Throws an Error where channels are removed beside one through which none may be cut. */
function kindOf(call: Call, { tensorUnits }: ChannelMap, removed: Removed): Kind {
  const given = MASKS[call.layer.className] ?? 'uncut';
  // A reduction over the channels themselves passes none of them on.
  const [before, after] = [tensorUnits[call.inputs[0]!]!, tensorUnits[call.output]!];
  const passes = before.length === after.length && before.every((unit, index) => unit === after[index]);
  const kind = given === 'channelwise' && call.layer.className.startsWith('ops.') && !passes ? 'uncut' : given;
  if (kind !== 'uncut') return kind;
  const cut = [...call.inputs, ...call.outputs].some((tensor) => tensorUnits[tensor]!.some((unit) => removed[unit]));
  if (cut) throw new Error(`Channels beside ${call.layer.name} are removed, through which none can be followed`);
  return kind;
}

/** [channels]: 1 where a channel lives somewhere; each of the mask's channels stands for `channels / its number` in a row. */
function channelMask(mask: Tensor, channels: number): Tensor {
  const own = tf.max(tf.reshape(mask, [-1, mask.shape.at(-1)!]), 0);
  const times = channels / own.size;
  return times === 1 ? own : tf.reshape(tf.tile(tf.expandDims(own, 1), [1, times]), [channels]);
}

/** max|a - b| / max|a|; infinite where a value is not finite. */
export function relativeDifference(a: Tensor, b: Tensor): number {
  const [difference, scale] = [tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(a))].map((value) => value.dataSync<'float32'>()[0]!);
  if (!Number.isFinite(difference!) || !Number.isFinite(scale!)) return Number.POSITIVE_INFINITY;
  return difference === 0 ? 0 : difference! / scale!;
}
