/** What a kernel is multiplied with: the rows of a matrix product behind the window of its layer. */
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-node-gpu';
import type { Call } from '../../../model/graph.ts';
import { convolutionWindowOf, groupsOf } from '../../../model/layers/convolution.ts';
import { depthMultiplier } from '../../../model/layers/depthwise-convolution.ts';
import type { Options } from '../../../model/layers/index.ts';
import { inputCount, type PrunableKernel } from '../../../pruning/kernels.ts';
import { depthwise } from '../../layers/depthwise-convolution.ts';
import { listed } from '../../layers/execution.ts';
import { EXECUTIONS } from '../../layers/index.ts';
import { asPlane, asPlaneKernel, forPlane } from '../../layers/plane.ts';
import { run, text, typed, wholes } from '../../raw-ops.ts';
import { tf } from '../../tensorflow.ts';

/** Numbers of a window's rows that are formed at once. */
const MOST_NUMBERS = 2 ** 24;

/**
 * Gives the inputs of a call's kernel to `work`, float32 [groups, rows, inputs], some samples at a time: the kernel as a matrix [inputs, units] times a
 * row is what the layer makes before its bias; output units are dealt to the groups in their order. Call inside a scope.
 */
export function forEachInputs(
  call: Call,
  kernel: PrunableKernel,
  given: readonly Tensor[],
  weights: (name: string) => Tensor,
  work: (rows: Tensor) => void,
): void {
  const x = read(call, kernel, given);
  const places = call.outputShape.slice(0, -1).reduce<number>((product, axis) => product * (axis ?? x.shape[1] ?? 1), 1);
  const numbers = Math.max(x.size / x.shape[0]!, places * inputCount(kernel) * (kernel.depthwise ? x.shape.at(-1)! : 1));
  const step = Math.max(1, Math.floor(MOST_NUMBERS / numbers));
  for (let from = 0; from < x.shape[0]!; from += step) {
    tf.tidy(() => {
      work(rowsOf(call, kernel, tf.slice(x, from, Math.min(step, x.shape[0]! - from)), weights));
    });
  }
}

/** The tensor that a kernel reads, among those given to the call. */
function read({ layer }: Call, { weight }: PrunableKernel, given: readonly Tensor[]): Tensor {
  if (layer.className === 'MultiHeadAttention' || layer.className === 'GroupQueryAttention') {
    if (weight.startsWith('value')) return given[1]!;
    if (weight.startsWith('key')) return given[2] ?? given[1]!;
  }
  return given[0]!;
}

function rowsOf(call: Call, kernel: PrunableKernel, x: Tensor, weights: (name: string) => Tensor): Tensor {
  const { className, options } = call.layer;
  switch (className) {
    case 'Conv1D':
    case 'Conv2D': {
      const groups = groupsOf(options);
      const patches = windows(x, options, className === 'Conv1D' ? 1 : 2);
      return byGroup(patches, x.shape.at(-1)!, groups);
    }
    case 'DepthwiseConv1D':
    case 'DepthwiseConv2D':
      return byGroup(windows(x, options, className === 'DepthwiseConv1D' ? 1 : 2), x.shape.at(-1)!, x.shape.at(-1)!);
    case 'SeparableConv1D':
    case 'SeparableConv2D': {
      const rank = className === 'SeparableConv1D' ? 1 : 2;
      if (kernel.weight === 'depthwise_kernel') return byGroup(windows(x, options, rank), x.shape.at(-1)!, x.shape.at(-1)!);
      const between = depthwise(options, asPlane(x), asPlaneKernel(weights('depthwise_kernel')), rank);
      return tf.reshape(between, [1, -1, x.shape.at(-1)! * depthMultiplier(options)]);
    }
    case 'Conv3D':
    case 'Conv1DTranspose':
    case 'Conv2DTranspose':
    case 'Conv3DTranspose':
      return tapByTap(call, kernel, x);
    default:
      // Of a recurrent layer in whatever order of its steps: norms and products do not depend on it.
      return tf.reshape(x, [1, -1, x.shape.at(-1)!]);
  }
}

/** The windows of a layer over x, [rows, height · width · channels] in that order. */
function windows(x: Tensor, options: Options, rank: 1 | 2): Tensor {
  const window = convolutionWindowOf(options, rank);
  const [height, width] = forPlane(window.size, 1);
  let plane = asPlane(x);
  let { padding } = window;
  if (padding === 'causal') {
    plane = tf.pad(plane, [
      [0, 0],
      [0, 0],
      [(window.size[0]! - 1) * window.dilation[0]!, 0],
      [0, 0],
    ]) as Tensor4D;
    padding = 'valid';
  }
  const patches = run(
    'ExtractImagePatches',
    [
      wholes('ksizes', [1, height, width, 1]),
      wholes('strides', [1, ...forPlane(window.strides, 1), 1]),
      wholes('rates', [1, ...forPlane(window.dilation, 1), 1]),
      typed('T'),
      text('padding', padding.toUpperCase()),
    ],
    [plane],
    1,
  )[0]!;
  return tf.reshape(patches, [-1, height * width * x.shape.at(-1)!]);
}

/** [rows, window · channels] as [groups, rows, window · channels / groups]. */
function byGroup(patches: Tensor, channels: number, groups: number): Tensor {
  const [rows, inputs] = patches.shape as [number, number];
  if (groups === 1) return tf.reshape(patches, [1, rows, inputs]);
  const split = tf.reshape(patches, [rows, inputs / channels, groups, channels / groups]);
  return tf.reshape(tf.transpose(split, [2, 0, 1, 3]), [groups, rows, inputs / groups]);
}

/** The same by running the layer itself with a kernel that takes each input to an output of its own, place by place of its window. */
function tapByTap({ layer }: Call, kernel: PrunableKernel, x: Tensor): Tensor {
  const channels = x.shape.at(-1)!;
  const window = kernel.shape.slice(0, -2);
  const taps = window.reduce((product, axis) => product * axis, 1);
  const options = { ...layer.options, filters: channels, use_bias: false, activation: 'linear' };
  const parts = Array.from({ length: taps }, (_, tap) => {
    const oneHot = tf.oneHot(tf.tensor1d([tap], 'int32'), taps);
    const each = tf.mul(tf.reshape(tf.cast(oneHot, 'float32'), [taps, 1, 1]), tf.expandDims(tf.eye(channels), 0));
    const [made] = listed(
      EXECUTIONS[layer.className]({
        options,
        inputs: [x],
        extras: {},
        masks: [null],
        callOptions: {},
        weights: { kernel: tf.reshape(each, [...window, channels, channels]) },
        training: false,
        seed: () => {
          throw new Error('A convolution draws no random numbers');
        },
        update: () => {},
      }),
    );
    return tf.reshape(made!, [-1, channels]);
  });
  return tf.expandDims(tf.concat(parts, 1), 0);
}
