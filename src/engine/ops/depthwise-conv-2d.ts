import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, text, typed, wholes } from '../raw-ops.ts';
import { placesSeen } from '../strided-pointwise.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/**
 * Each channel of x [n, h, w, channels] with its own kernels, of [height, width, channels, multiplier]: [n, h', w', channels · multiplier]. One stride
 * for both axes, which is all TensorFlow has.
 */
export function depthwiseConv2d(x: Tensor, kernel: Tensor, stride: number, padding: 'same' | 'valid'): Tensor {
  const attributesOf = (by: number, sides: string) => [
    typed('T'),
    wholes('strides', [1, by, by, 1]),
    text('padding', sides),
    text('data_format', 'NHWC'),
    wholes('dilations', [1, 1, 1, 1]),
  ];
  const attributes = attributesOf(stride, padding.toUpperCase());
  // With a single channel TensorFlow computes the kernel's gradient as that of a convolution (strided-pointwise.ts).
  const isStridedPointwise = stride > 1 && kernel.shape[0] === 1 && kernel.shape[1] === 1;
  const sizes = (tensor: Tensor): Tensor => tf.tensor1d(tensor.shape, 'int32');
  return differentiable(
    [x, kernel],
    () => ({ value: run('DepthwiseConv2dNative', attributes, [x, kernel], 1)[0]!, saved: [x, kernel] }),
    (dy, [from, by]) => [
      run('DepthwiseConv2dNativeBackpropInput', attributes, [sizes(from!), by!, dy], 1)[0]!,
      isStridedPointwise
        ? run(
            'DepthwiseConv2dNativeBackpropFilter',
            attributesOf(1, 'VALID'),
            [placesSeen(tf, from!, stride, stride), sizes(by!), dy],
            1,
          )[0]!
        : run('DepthwiseConv2dNativeBackpropFilter', attributes, [from!, sizes(by!), dy], 1)[0]!,
    ],
  );
}
