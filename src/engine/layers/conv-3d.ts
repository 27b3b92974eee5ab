import type { Tensor5D } from '@tensorflow/tfjs-node-gpu';
import { convolutionWindowOf } from '../../model/layers/convolution.ts';
import { dilated } from '../ops/space-to-batch.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';

export const conv3d: Execution = (invocation) => {
  const { options, inputs, weights } = invocation;
  const { size, strides, dilation, padding } = convolutionWindowOf(options, 3);
  const kernel = weights.kernel as Tensor5D;
  const convolve = (x: Tensor5D, sides: 'same' | 'valid'): Tensor5D => tf.conv3d(x, kernel, strides as [number, number, number], sides);
  const x = inputs[0] as Tensor5D;
  const product = dilation.every((rate) => rate === 1)
    ? convolve(x, padding as 'same' | 'valid')
    : dilated(x, size, dilation, padding as 'same' | 'valid', (apart) => convolve(apart as Tensor5D, 'valid'));
  return finish(product, invocation);
};
