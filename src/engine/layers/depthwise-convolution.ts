import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { convolutionWindowOf } from '../../model/layers/convolution.ts';
import type { Options } from '../../model/layers/index.ts';
import { depthwiseConv2d } from '../ops/depthwise-conv-2d.ts';
import { dilated } from '../ops/space-to-batch.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';
import { asPlane, asPlaneKernel, asSpatial, forPlane } from './plane.ts';

/** x [n, h, w, channels] behind the window of a depthwise layer over one or two axes; the kernel is [height, width, channels, multiplier]. */
export function depthwise(options: Options, x: Tensor, kernel: Tensor, rank: 1 | 2): Tensor {
  const window = convolutionWindowOf(options, rank);
  const padding = window.padding as 'same' | 'valid';
  const dilation = forPlane(window.dilation, 1);
  if (dilation.every((rate) => rate === 1)) return depthwiseConv2d(x, kernel, window.strides[0]!, padding);
  return dilated(x, forPlane(window.size, 1), dilation, padding, (apart) => depthwiseConv2d(apart, kernel, 1, 'valid'));
}

/** A depthwise convolution over one or two spatial axes. */
export function depthwiseConvolution(rank: 1 | 2): Execution {
  return (invocation) => {
    const { options, inputs, weights } = invocation;
    const product = depthwise(options, asPlane(inputs[0]!), asPlaneKernel(weights.kernel!), rank);
    return finish(asSpatial(product, inputs[0]!), invocation);
  };
}
