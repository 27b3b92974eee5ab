import type { Tensor4D } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import { depthwise } from './depthwise-convolution.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';
import { asPlane, asPlaneKernel, asSpatial } from './plane.ts';

/** A separable convolution over one or two spatial axes. */
export function separableConvolution(rank: 1 | 2): Execution {
  return (invocation) => {
    const { options, inputs, weights } = invocation;
    const channels = depthwise(options, asPlane(inputs[0]!), asPlaneKernel(weights.depthwise_kernel!), rank);
    const product = tf.conv2d(channels as Tensor4D, asPlaneKernel(weights.pointwise_kernel!), 1, 'valid');
    return finish(asSpatial(product, inputs[0]!), invocation);
  };
}
