import { convolutionWindowOf, groupsOf } from '../../model/layers/convolution.ts';
import { groupedConv2d } from '../ops/grouped-conv-2d.ts';
import { dilated } from '../ops/space-to-batch.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';
import { asPlane, asPlaneKernel, asSpatial, forPlane } from './plane.ts';

/** A convolution over one or two spatial axes, with any groups, dilation and padding. */
export function convolution(rank: 1 | 2): Execution {
  return (invocation) => {
    const { options, inputs, weights } = invocation;
    const window = convolutionWindowOf(options, rank);
    const groups = groupsOf(options);
    const strides = forPlane(window.strides, window.strides[0]!);
    const dilation = forPlane(window.dilation, 1);
    const kernel = asPlaneKernel(weights.kernel!);
    let x = asPlane(inputs[0]!);
    let padding = window.padding;
    if (padding === 'causal') {
      x = tf.pad(x, [
        [0, 0],
        [0, 0],
        [(window.size[0]! - 1) * window.dilation[0]!, 0],
        [0, 0],
      ]);
      padding = 'valid';
    }
    const convolve = (from: typeof x, sides: 'same' | 'valid'): typeof x =>
      (groups === 1 ? tf.conv2d(from, kernel, strides, sides) : groupedConv2d(from, kernel, strides, sides, groups)) as typeof x;
    const product = dilation.every((rate) => rate === 1)
      ? convolve(x, padding as 'same' | 'valid')
      : dilated(x, forPlane(window.size, 1), dilation, padding as 'same' | 'valid', (apart) => convolve(apart as typeof x, 'valid'));
    return finish(asSpatial(product, inputs[0]!), invocation);
  };
}
