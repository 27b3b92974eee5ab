import { convolutionWindowOf } from '../../model/layers/convolution.ts';
import { transposedAxes } from '../../model/layers/transposed-convolution.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';
import { asPlane, asPlaneKernel, asSpatial, forPlane } from './plane.ts';

/** A transposed convolution over one or two spatial axes. */
export function transposedConvolution(rank: 1 | 2): Execution {
  return (invocation) => {
    const { options, inputs, weights } = invocation;
    const [x] = inputs;
    const { strides, padding } = convolutionWindowOf(options, rank);
    const places = forPlane(transposedAxes(options, x!.shape.slice(1), rank) as number[], 1);
    const kernel = asPlaneKernel(weights.kernel!);
    const shape: [number, number, number, number] = [x!.shape[0]!, ...places, kernel.shape[2]];
    const product = tf.conv2dTranspose(asPlane(x!), kernel, shape, forPlane(strides, 1), padding as 'same' | 'valid');
    return finish(asSpatial(product, x!), invocation);
  };
}
